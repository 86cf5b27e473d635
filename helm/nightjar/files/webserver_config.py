"""How people sign in to Airflow, read by its FAB auth manager: by name and password, or by a company's OpenID Connect.

The chart sets OIDC_* from `airflow.auth.oidc`. Whoever needs another way (LDAP, SAML by a proxy) names a ConfigMap of
their own in `airflow.auth.existingConfigMap`, with a file of this name.
"""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from flask_appbuilder.const import AUTH_DB, AUTH_OAUTH

WTF_CSRF_ENABLED = True
AUTH_TYPE = AUTH_DB

ISSUER = os.environ.get("OIDC_ISSUER", "").rstrip("/")
CLAIM = os.environ.get("OIDC_ROLES_CLAIM", "groups")


def keys_of(claim: Any) -> list[str]:
    """The groups in a claim: providers send a list, or one name."""
    if isinstance(claim, str):
        return [claim]
    return [str(each) for each in claim] if isinstance(claim, Iterable) else []


def userinfo(claims: Mapping[str, Any]) -> dict[str, Any]:
    """How Airflow knows the person with these claims; their groups become roles by AUTH_ROLES_MAPPING."""
    return {
        # `sub` never changes and is never given to anybody else; a name or an address may be.
        "username": claims.get("preferred_username") or claims.get("email") or claims["sub"],
        "email": claims.get("email") or claims["sub"],
        "first_name": claims.get("given_name", ""),
        "last_name": claims.get("family_name", ""),
        "role_keys": keys_of(claims.get(CLAIM)),
    }


class OidcSecurityManager(FabAirflowSecurityManagerOverride):
    """FAB's, which takes the person from the standard claims of OpenID Connect."""

    def get_oauth_user_info(self, provider: str, response: Mapping[str, Any]) -> dict[str, Any]:
        """The person who has just signed in: from the ID token, whose signature was checked, or the user endpoint."""
        claims = response.get("userinfo") or self.oauth_remotes[provider].userinfo(token=response)
        return userinfo(claims)


if ISSUER:
    AUTH_TYPE = AUTH_OAUTH
    SECURITY_MANAGER_CLASS = OidcSecurityManager
    # Roles follow the company's groups at each login; who is in no group of the mapping gets the default role.
    AUTH_ROLES_MAPPING = json.loads(os.environ.get("OIDC_ROLES") or "{}")
    AUTH_ROLES_SYNC_AT_LOGIN = True
    AUTH_USER_REGISTRATION = True
    AUTH_USER_REGISTRATION_ROLE = os.environ.get("OIDC_DEFAULT_ROLE") or "Public"
    OAUTH_PROVIDERS = [
        {
            "name": os.environ.get("OIDC_NAME") or "oidc",
            "icon": "fa-key",
            "token_key": "access_token",
            "remote_app": {
                "client_id": os.environ["OIDC_CLIENT_ID"],
                "client_secret": os.environ["OIDC_CLIENT_SECRET"],
                "server_metadata_url": f"{ISSUER}/.well-known/openid-configuration",
                "client_kwargs": {"scope": os.environ.get("OIDC_SCOPE") or "openid email profile"},
            },
        }
    ]
