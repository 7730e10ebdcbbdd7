// What expressions of admission policies and of webhooks' match conditions may name, and how they
// are compiled:
//
//   AdmissionScope scope({.params = true, .composed = true});
//   const auto team = scope.Compile("object.spec.team", {.returns = Returns::kAny});
//   scope.AddVariable("team", team.type());          // From now on expressions may name it.
//   const auto program = scope.Compile("variables.team != 'red'", {.returns = Returns::kBool});
//
// Every program's bindings stand at the places of AdmissionSlot, whether it can name them or not.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/cel/program.h"

namespace skiff::cel {

enum AdmissionSlot : uint8_t {
  kSlotObject,
  kSlotOldObject,
  kSlotNamespaceObject,
  kSlotRequest,
  kSlotParams,
  kSlotVariables,
  kSlotAuthorizer,
  kSlotRequestResource,
  kAdmissionSlots,
};

// What an expression has to be of.
enum class Returns : uint8_t {
  kAny,
  kBool,
  kString,
  kStringOrNull,
  // Of mutations, which alone may make objects: see api/cel/message.h.
  kPatchObject,
  kJsonPatches,
};

// An expression that was taken, or why it was not.
struct CompiledExpression {
  std::string text;
  std::shared_ptr<const Program> program;  // Null: see `error`.
  std::string error;                       // "compilation failed: ...", "must evaluate to ..."
  bool is_internal = false;                // The expression is right, but no program came of it.

  // Of a variable: one that does not compile may be anything.
  TypeRef type() const { return program ? program->type() : types::Dyn(); }
};

class AdmissionScope {
 public:
  struct Options {
    bool params = false;    // `params` can be named.
    bool composed = false;  // `variables` can be.
    // Of what is admitted and of the parameters; null: known only when it is there.
    TypeRef object = nullptr;
    TypeRef params_type = nullptr;
  };
  explicit AdmissionScope(const Options& options);

  struct Wanted {
    Returns returns = Returns::kAny;
    bool authorizer = true;  // `authorizer` can be named.
  };
  CompiledExpression Compile(std::string_view expression, const Wanted& wanted) const;
  // Opaque and object types are not carried over: such a variable may be anything.
  void AddVariable(const std::string& name, const TypeRef& type);

 private:
  std::vector<Variable> variables_;
  // Grows while expressions are compiled, which look at it no longer once they are.
  std::shared_ptr<Type> composed_;
};

// Whether a variable can be called so.
bool IsVariableName(std::string_view name);

}  // namespace skiff::cel
