"""Runs the migrations on the connection that `upgrade` opened, inside its transaction."""

from alembic import context

from edge.policy.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=False)
context.run_migrations()
