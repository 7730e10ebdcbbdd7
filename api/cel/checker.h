// The type checker: finds out what each name and call of an expression means, and what types there
// are, in cel-go's words.
#pragma once

#include <string>
#include <vector>

#include "api/cel/ast.h"
#include "api/cel/function.h"

namespace skiff::cel {

struct Variable {
  std::string name;
  TypeRef type;
};

// What a checked expression may refer to.
struct Scope {
  const FunctionTable* functions = nullptr;
  // By place: what a program's bindings give values for.
  std::vector<Variable> variables;
};

// Annotates `ast` and adds what is wrong to its issues. The tree is as deep as the parser allows.
void CheckTypes(Ast& ast, const Scope& scope);

// What Kubernetes looks at once the types are known: literals that can only fail, lists and maps of
// mixed types, clauses of format strings.
void CheckLiterals(Ast& ast);

}  // namespace skiff::cel
