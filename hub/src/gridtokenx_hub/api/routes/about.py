"""What the hub is, and whether it can serve."""

from fastapi import APIRouter, Response

from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.middleware import MAX_BODY_BYTES
from gridtokenx_hub.api.http.models import Deployment, Health, Limits, Mints, ProgramAddresses
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import Context
from gridtokenx_protocol.units import LOT_MWH, format_kwh

router = APIRouter(prefix="/api", tags=["about"])


@router.get("/deployment", response_model=Deployment)
async def deployment(context: Context) -> Response:
    """What a device, an installer or a program must know of this hub."""
    info, addresses = context.deployment, context.addresses
    return ExactJSONResponse(
        Deployment(
            deployment=info.deployment.hex(),
            genesis_hash=info.genesis_hash,
            programs=ProgramAddresses(
                registry=str(addresses.registry),
                energy_token=str(addresses.energy_token),
                trading=str(addresses.trading),
            ),
            mints=Mints(energy=str(addresses.energy_mint()), grx=str(addresses.grx_mint())),
            settlement_interval_s=info.settlement_interval_s,
            ack_algorithm=info.ack_algorithm,
            ack_public_key=info.ack_public_key.hex(),
            limits=Limits(lot_kwh=format_kwh(LOT_MWH), max_body_bytes=MAX_BODY_BYTES),
        ).content()
    )


@router.get("/health", response_model=Health, responses=documented(503))
async def health(context: Context) -> Response:
    """Whether database and chain answer; 503 with the name of the one that does not."""
    await context.pool.fetchval("SELECT 1")
    return ExactJSONResponse(Health(status="ok", slot=await context.client.slot()).content())
