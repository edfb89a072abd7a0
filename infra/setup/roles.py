"""Postgres's roles: each user has one, with a database of the same name that no other role may enter."""

from collections.abc import Mapping

import psycopg
from psycopg import sql


def create_roles(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    """Make each missing role and database, and set each role's password; safe to repeat.

    The connection must be the administrator's, in autocommit mode. Passwords are sent as SCRAM verifiers, so that no log can
    contain them.
    """
    for role, password in passwords.items():
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        name = sql.Identifier(role)
        if not connection.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone():
            connection.execute(sql.SQL("create role {} login").format(name))
        connection.execute(sql.SQL("alter role {} password {}").format(name, sql.Literal(verifier)))
        if not connection.execute("select 1 from pg_database where datname = %s", [role]).fetchone():
            connection.execute(sql.SQL("create database {} owner {}").format(name, name))
        connection.execute(sql.SQL("revoke all on database {} from public").format(name))
    connection.execute("revoke all on database postgres from public")
