//! SQL that is prepared once per connection.
//!
//! diesel prepares `sql_query` and most writes anew each time. A statement with a static id stays
//! in the cache; the query builder is used where speed does not matter.

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{QueryFragment, QueryId},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Defines a statement: its parameters, the types of its columns, and its text, in which
/// `[name: SqlType]` stands for a parameter.
macro_rules! statement {
    (
        $(#[$meta:meta])*
        $name:ident$(<$life:lifetime>)? { $($field:ident: $type:ty),* $(,)? } -> $columns:ty;
        $($piece:tt)*
    ) => {
        $(#[$meta])*
        pub(crate) struct $name$(<$life>)? {
            $(pub(crate) $field: $type,)*
        }

        impl$(<$life>)? diesel::query_builder::QueryId for $name$(<$life>)? {
            type QueryId = statement!(@id $name $($life)?);
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl$(<$life>)? diesel::query_builder::Query for $name$(<$life>)? {
            type SqlType = $columns;
        }

        impl$(<$life>)? diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name$(<$life>)? {
            fn walk_ast<'walk>(
                &'walk self,
                mut out: diesel::query_builder::AstPass<'_, 'walk, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                $(statement!(@piece self, out, $piece);)*
                Ok(())
            }
        }
    };
    (@id $name:ident) => { $name };
    (@id $name:ident $life:lifetime) => { $name<'static> };
    (@piece $self:ident, $out:ident, [$field:ident: $sql:ty]) => {
        $out.push_bind_param::<$sql, _>(&$self.$field)?;
    };
    (@piece $self:ident, $out:ident, $text:literal) => {
        $out.push_sql($text);
    };
}

pub(crate) use statement;

/// Executes a statement, unless there is nothing for it to do.
pub(crate) async fn unless<S>(
    nothing_to_do: bool,
    connection: &AsyncPgConnection,
    statement: S,
) -> QueryResult<()>
where
    S: QueryFragment<Pg> + QueryId + Send,
{
    if !nothing_to_do {
        let mut shared = connection;
        statement.execute(&mut shared).await?;
    }
    Ok(())
}
