"""Alembic's environment: it runs this file for every upgrade, with the connection that infra.setup.migrate has opened."""

from alembic import context
from sqlalchemy import Connection, text

connection: Connection = context.config.attributes["connection"]
# A revision is one text of several statements, which psycopg sends whole only when there is no collection of parameters.
connection = connection.execution_options(no_parameters=True)
context.configure(connection=connection, version_table=context.config.attributes["version_table"])
with context.begin_transaction():
    # Two set-ups may run at once; the second one waits here, then finds nothing left to do.
    connection.execute(text("select pg_advisory_xact_lock(hashtext('marquee schema'))"))
    context.run_migrations()
