#pragma once
#include "migrate/ddl.h"

/// Pieces of the parser that several statements share.
namespace howdah::migrate {

Name parse_name(Cursor& c);
std::vector<std::string> parse_columns(Cursor& c);  ///< "(a, b)"; nothing when no parenthesis comes next
Column parse_column(Cursor& c, const std::vector<Token>& tokens);
bool starts_table_constraint(const Cursor& c);
Constraint parse_constraint(Cursor& c);
/// Steps over a type and returns its normal spelling.
std::string parse_type(Cursor& c, const std::vector<Token>& tokens);

}  // namespace howdah::migrate
