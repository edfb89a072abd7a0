"""Alembic's environment. Alembic runs this file for every upgrade, on the connection that infra.setup.alembic_upgrade opened."""

from alembic import context
from sqlalchemy import Connection, text

connection: Connection = context.config.attributes["connection"]
# A revision is one text of several statements. psycopg can send these only if no parameters are passed.
connection = connection.execution_options(no_parameters=True)
context.configure(connection=connection, version_table=context.config.attributes["version_table"])
with context.begin_transaction():
    # Two set-ups may run at once. The second one waits here and then has nothing left to do.
    connection.execute(text("select pg_advisory_xact_lock(hashtext('marquee schema'))"))
    context.run_migrations()
