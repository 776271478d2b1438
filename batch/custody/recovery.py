"""An admin credential out of custody, for the lane that needs it."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec

from batch.custody.sealing import open_admin, unwrap_in_custody, wrap
from batch.model.codes import Binding, SealedCodes


def admin_for(
    custody_key: ec.EllipticCurvePrivateKey, binding: Binding, sealed: SealedCodes, lane_key: bytes
) -> bytes:
    """The admin credential of an item's token, and no other code, wrapped to a lane's key (SPKI, DER).

    Raises `RecordsDamaged` where the codes do not open.
    """
    data_key = unwrap_in_custody(sealed, custody_key, binding)
    return wrap(open_admin(sealed, data_key, binding).reveal(), lane_key, binding, "admin")
