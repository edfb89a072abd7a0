"""One word for one thing: the table film is called movie, and prediction_set.films is called movies."""

from alembic import op

revision = "0004"
down_revision = "0003"

SQL = """
alter table film rename to movie;
do $$
declare name text;
begin
    for name in select conname from pg_constraint where conrelid = 'movie'::regclass and starts_with(conname, 'film_') loop
        execute 'alter table movie rename constraint ' || quote_ident(name) || ' to ' || quote_ident('movie_' || substr(name, 6));
    end loop;
end $$;
comment on table movie is 'One row a movie of IMDb title.basics (titleType movie or tvMovie); the latest ingested file.';
comment on column movie.original_title is 'Null for the few movies that IMDb lists without one.';
comment on table rating is 'IMDb title.ratings, of every title type; not all have a row of movie. Known only after release.';
comment on table tmdb_movie is 'The latest answer of TMDB GET /3/movie/{id} for each movie it knows.';
comment on table tmdb_request is 'The ledger of movies asked of TMDB: what is in it is not asked again until TMDB says it changed or it is old.';
comment on column skew_audit.feature is 'A feature, or what is counted like one: number of features, movie_id (has the movie an offline row), features_as_of.';

alter table prediction_set rename column films to movies;
alter table prediction_set rename constraint prediction_set_films_not_null to prediction_set_movies_not_null;
"""


def upgrade() -> None:
    """Rename a table with its constraints, and a column; the other comments speak of movies too."""
    op.execute(SQL)
