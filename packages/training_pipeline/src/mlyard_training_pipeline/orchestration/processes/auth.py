"""The account of the person who logs in, in Airflow's FAB auth manager."""

from mlyard_training_pipeline.orchestration.errors import DatabaseError


def make_account(user: str, password: str) -> None:
    """Make an administrator of this name, or give the one that exists this password.

    Raises:
        DatabaseError: Airflow refuses the account.
    """
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from werkzeug.security import check_password_hash

    with get_application_builder() as builder:
        security = builder.sm
        security.sync_roles()
        known = security.find_user(username=user)
        if known is None:
            role = security.find_role("Admin")
            # FAB wants a name and an address, which nobody sees.
            known = security.add_user(
                user, "Administrator", "of mlyard", f"{user}@localhost.localdomain", role, password
            )
        elif not check_password_hash(known.password, password):
            known = security.reset_password(known.id, password)
        if known is False:
            raise DatabaseError(f"Airflow made no account {user!r}: its log above says why")
