"""Price lists as their publishers send them, in miniature, and a small book that they are compared with.

Each list holds what its adapter must take, and one of everything that it must leave out.
"""

import io
import json
import zipfile

from pricing.refresh_book import HEADERS, table

SOURCES = "source,says,licence\npage,the vendors' own pages,facts\n"
CARDS = (
    "card,aliases\n"
    "H100-SXM,H100;H100 80GB HBM3\n"
    "A100-SXM-40,A100 40GB\n"
    "A100-SXM-80,A100;A100-80GB;A100 SXM4 80GB\n"
    "A100-PCIe-80,A100 PCIe\n"
    "RTX-4090,\n"
)


def api(model: str, given: str, read: str, out: str, **more: str) -> dict[str, str]:
    """Return a line of data/api that held from 2026-11-10 and was checked then."""
    return {
        "model": model,
        "from": "2026-11-10",
        "checked": "2026-11-10",
        "input_usd_per_million_tokens": given,
        "cached_input_usd_per_million_tokens": read,
        "output_usd_per_million_tokens": out,
        "offer": "list",
        "crosscheck": "single",
        "source": "page",
        "confidence": "seen",
        **more,
    }


def gpu(card: str, instance: str, count: str, memory: str, usd: str, region: str) -> dict[str, str]:
    """Return a line of data/gpu that held from 2026-11-01 and was checked on 2026-11-10."""
    return {
        "card": card,
        "instance": instance,
        "count": count,
        "memory_gb": memory,
        "usd_per_hour": usd,
        "region": region,
        "offer": "list",
        "from": "2026-11-01",
        "checked": "2026-11-10",
        "source": "page",
        "confidence": "seen",
    }


def shipped() -> dict[str, str]:
    """Return the files of a small book: four models of one provider, five machines of four."""
    models = [
        api("m-large", "2", "0.2", "10"),
        api("m-mid", "0.5", "0.05", "2"),
        api("m-small", "0.1", "0.01", "0.5"),
        api("m-old", "30", "", "60"),
        api("m-gone", "5", "", "9", shutdown="2026-11-15"),
    ]
    rents = {
        "aws": [
            gpu("A100-SXM-40", "p4d.24xlarge", "8", "40", "22", "us-east-1"),
            gpu("H100-SXM", "p5.48xlarge", "8", "80", "55.04", "us-east-1"),
        ],
        "azure": [gpu("A100-PCIe-80", "Standard_NC24ads_A100_v4", "1", "80", "3.673", "eastus")],
        "runpod": [gpu("A100-PCIe-80", "Secure Cloud", "1", "80", "1.89", "")],
        "vast": [gpu("RTX-4090", "marketplace median", "1", "24", "0.4", "")],
        "lambda": [gpu("A100-SXM-80", "gpu_8x_a100_80gb_sxm4", "8", "80", "22.32", "us-west-1")],
    }
    return {
        "api/openai.csv": table(HEADERS["api"], models),
        **{f"gpu/{provider}.csv": table(HEADERS["gpu"], lines) for provider, lines in rents.items()},
        "sources.csv": SOURCES,
        "cards.csv": CARDS,
    }


def million(price: str) -> str:
    """Write USD per million tokens as litellm does: per token, with an exponent."""
    return f"{price}e-06"


def litellm_entry(given: str, read: str, out: str, **more: object) -> str:
    """Return one model of litellm's map as JSON text, its numbers as they stand."""
    facts = {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128000, **more}
    prices = {"input_cost_per_token": given, "cache_read_input_token_cost": read, "output_cost_per_token": out}
    numbers = "".join(f', "{name}": {text}' for name, text in prices.items() if text)
    return json.dumps(facts)[:-1] + numbers + "}"


LITELLM_MODELS = {
    "m-large": ("2", "0.2", "10"),  # as held
    "m-mid": ("0.4", "0.05", "2"),  # the input price fell by a fifth
    "openai/m-small": ("0.1", "0.01", "0.5"),  # as held, under its long name
    "m-new": ("1", "", "3"),  # a model the book has not
    "m-gone": ("5", "", "9"),  # switched off, and still in the list
}


def litellm(models: dict[str, tuple[str, str, str]] | None = None, extra: str = "") -> bytes:
    """Return litellm's map with these models (USD per million tokens) and one of everything to leave out."""
    entries = {
        name: litellm_entry(*(million(price) if price else "" for price in prices))
        for name, prices in (LITELLM_MODELS if models is None else models).items()
    }
    entries |= {
        "sample_spec": '{"input_cost_per_token": "0.0", "mode": "one of chat, embedding"}',
        "m-embed": litellm_entry("1e-07", "", "1e-07", mode="embedding"),
        "ft:m-mid": litellm_entry("1e-06", "", "3e-06"),
        "reseller/m-large": litellm_entry("3e-06", "", "1.1e-05", litellm_provider="reseller"),
        "m-latest": litellm_entry("1e-06", "", "3e-06"),
        "m-free": litellm_entry("0.0", "", "0.0"),
    }
    return ("{" + ", ".join(f'"{name}": {entry}' for name, entry in entries.items()) + extra + "}").encode()


GENAI = json.dumps(
    [
        {
            "id": "openai",
            "name": "OpenAI",
            "pricing_urls": ["https://prices.example/openai"],
            "api_pattern": "https://api\\.openai\\.example",
            "models": [
                {
                    "id": "m-large",
                    "match": {"equals": "m-large"},
                    "context_window": 400000,
                    "prices": {
                        "input_mtok": {"base": 2, "tiers": [{"start": 272000, "price": 4}]},
                        "cache_read_mtok": 0.2,
                        "output_mtok": {"base": 10, "tiers": [{"start": 272000, "price": 15}]},
                    },
                    "price_variants": [
                        {"when": {"service_tier": "priority"}, "prices": {"input_mtok": 4, "output_mtok": 20}},
                        {
                            "when": {"processing": "batch"},
                            "constraint": {"start_date": "2026-12-01"},
                            "prices": {"input_mtok": 3, "output_mtok": 7},
                        },
                        {"when": {"processing": "batch"}, "prices": {"input_mtok": 1, "output_mtok": 5}},
                        {"when": {"processing": "batch"}, "prices": {"input_mtok": 2, "output_mtok": 6}},
                    ],
                },
                {
                    "id": "m-mid",
                    "match": {"equals": "m-mid"},
                    "prices": [
                        {"prices": {"input_mtok": 0.9, "output_mtok": 3}},
                        {"constraint": {"start_date": "2026-11-15"}, "prices": {"input_mtok": 0.6, "output_mtok": 2}},
                        {"constraint": {"start_date": "2026-12-24"}, "prices": {"input_mtok": 0.7, "output_mtok": 2}},
                    ],
                },
                {
                    "id": "m-small",
                    "match": {"equals": "m-small"},
                    "prices": {"input_mtok": 0.1, "cache_read_mtok": 0.01, "output_mtok": 0.5},
                },
                {
                    "id": "m-old",
                    "match": {"equals": "m-old"},
                    "prices": [
                        {"prices": {"input_mtok": 15, "output_mtok": 30}},  # half price by night
                        {
                            "constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"},
                            "prices": {"input_mtok": 30, "output_mtok": 60},
                        },
                    ],
                },
                {"id": "m-latest", "match": {"equals": "m-latest"}, "prices": {"input_mtok": 1, "output_mtok": 3}},
                {"id": "m-image", "match": {"equals": "m-image"}, "prices": {"requests_kcount": 20}},
            ],
        },
        {"id": "reseller", "api_pattern": "x", "models": [{"id": "a", "prices": {}}, {"id": "b", "prices": {}}]},
    ]
).encode()

MODELS_DEV = json.dumps(
    {
        "openai": {
            "id": "openai",
            "models": {
                "m-large": {
                    "id": "m-large",
                    "cost": {
                        "input": 2,
                        "output": 10,
                        "cache_read": 0.2,
                        "context_over_200k": {"input": 4, "output": 15},
                    },
                    "limit": {"context": 400000, "output": 32000},
                    "last_updated": "2026-11-01",
                },
                "m-old": {"id": "m-old", "cost": {"input": 30, "output": 60}, "status": "deprecated"},
                "m-open": {"id": "m-open", "cost": {"input": 0, "output": 0}},
                "m-none": {"id": "m-none"},
            },
        },
        "reseller": {"models": {"m-large": {"cost": {"input": 3, "output": 11}}}},
    }
).encode()


def meter(sku: str, price: float, **more: object) -> dict[str, object]:
    """Return one meter of Azure's list, on demand and by the hour unless `more` says otherwise."""
    return {
        "currencyCode": "USD",
        "retailPrice": price,
        "armRegionName": "eastus",
        "meterName": sku.removeprefix("Standard_"),
        "productName": "Virtual Machines NCadsA100v4 Series",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "armSkuName": sku,
        **more,
    }


def azure(next_url: str) -> tuple[bytes, bytes]:
    """Return the two pages of Azure's list; the first names the second."""
    known, first = "Standard_NC24ads_A100_v4", [meter("Standard_NC999_unknown", 9.0)]
    first += [
        meter(known, 3.9),
        meter(known, 7.1, productName="Virtual Machines NCadsA100v4 Series Windows"),
        meter(known, 0.7, meterName="NC24ads A100 v4 Low Priority"),
        meter(known, 20000.0, type="Reservation", reservationTerm="1 Year"),
    ]
    second = [meter(known, 1.4, meterName="NC24ads A100 v4 Spot")]
    pages = {"Items": first, "NextPageLink": next_url}, {"Items": second, "NextPageLink": None}
    return json.dumps(pages[0]).encode(), json.dumps(pages[1]).encode()


GPUHUNT_CSV = (
    "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size\n"
    "p5.48xlarge,us-east-1,60.5,192,2048,8,H100,80,False,\n"
    "p5.48xlarge,us-east-1,25,192,2048,8,H100,80,True,\n"
    "p5.48xlarge,eu-north-1,58,192,2048,8,H100,80,False,\n"
    "p5.48xlarge,ap-south-1,70,192,2048,8,H100,80,False,\n"
    "x9.metal,us-east-1,3,16,64,1,A100,40,False,\n"
    "m5.large,us-east-1,0.1,2,8,0,,,False,\n"
    "q1.large,us-east-1,5,2,8,1,Q1000,16,False,\n"
)


def zipped(text: str, name: str = "aws.csv") -> bytes:
    """Return a zip that holds one file."""
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as packing:
        packing.writestr(name, text)
    return box.getvalue()


SKYPILOT = (
    "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Region,SpotPrice,Price,AvailabilityZone,GpuInfo\n"
    "p4d.24xlarge,A100,8.0,96,1152,us-east-1,9.5,22,us-east-1a,\"{'Gpus': [{'Name': 'A100'}]}\"\n"
    "p4d.24xlarge,A100,8.0,96,1152,us-east-1,9.1,22,us-east-1b,\"{'Gpus': [{'Name': 'A100'}]}\"\n"
    "1x_A100-80GB,A100-80GB,1.0,8,117,CA,,1.39,CA-1,\"{'Gpus': [{'Name': 'A100 PCIe', 'Count': 1}]}\"\n"
    "2x_A100-80GB,A100-80GB,2.0,8,117,CA,,2.9,CA-1,\"{'Gpus': [{'Name': 'A100-80GB', 'Count': 2}]}\"\n"
    "g4.half,H100,0.5,4,16,CA,,1,CA-1,\n"
    "m5.large,,,2,8,us-east-1,0.03,0.1,us-east-1a,\n"
)
RUNPOD = json.dumps(
    {
        "data": {
            "gpuTypes": [
                {
                    "id": "NVIDIA A100 80GB PCIe",
                    "displayName": "A100 PCIe",
                    "memoryInGb": 80,
                    "securePrice": 1.99,
                    "communityPrice": 1.19,
                    "secureSpotPrice": 0.95,
                    "communitySpotPrice": None,
                },
                {"id": "NVIDIA H100 80GB HBM3", "displayName": "H100 SXM", "memoryInGb": 80, "securePrice": 3.99},
                {"id": "unknown", "displayName": "unknown", "memoryInGb": 0, "securePrice": 0},
            ]
        }
    }
).encode()
VAST = json.dumps(
    {
        "offers": [
            {"id": 1, "gpu_name": "RTX 4090", "num_gpus": 1, "gpu_ram": 24564, "dph_total": 0.30, "rentable": True},
            {"id": 2, "gpu_name": "RTX 4090", "num_gpus": 4, "gpu_ram": 24564, "dph_total": 1.60, "rentable": True},
            {"id": 3, "gpu_name": "RTX 4090", "num_gpus": 2, "gpu_ram": 24564, "dph_total": 1.00, "rentable": True},
            {"id": 4, "gpu_name": "RTX 4090", "num_gpus": 1, "gpu_ram": 24564, "dph_total": 9.00, "rentable": False},
            {"id": 5, "gpu_name": "A100 SXM4", "num_gpus": 1, "gpu_ram": 81920, "dph_total": 1.10, "rentable": True},
            {"id": 6, "gpu_name": "GTX 1", "num_gpus": 1, "gpu_ram": 2000, "dph_total": 0.05, "rentable": True},
        ]
    }
).encode()
