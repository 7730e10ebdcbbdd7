// Functions as libraries declare them, with what runs them.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/cel/type.h"
#include "api/cel/value.h"

namespace skiff::cel {

// What a call costs, at run time and by estimate (api/cel/cost.h).
enum class CostRule : uint8_t {
  kOne,
  kTraverse,       // 0.1 of the first operand
  kTraverseTwice,  // 0.2
  kEquals,         // 0.1 of the smaller; of values of libraries one
  kUnequal,        // 0.1 of the smaller
  kConcatenate,    // 0.1 of both
  kMatch,          // text times pattern
  kContains,       // text times text
  kIn,             // the list
  kJoin,           // 0.2 of the result
  kReplace,        // 0.2 of the first, whose result may grow
  kSplit,
  kQuote,
  kListTraverse,  // 1 an item, 0.1 a byte
  kListMake,      // 11 and the result
  kListFlatten,
  kListSort,        // quadratic
  kSetsContain,     // 1 + a * b
  kSetsEquivalent,  // 1 + 2 * a * b
  kContainsIp,
  kContainsCidr,
  kContainsAnyIp,    // Where it is not known beforehand whether it is given a text:
  kContainsAnyCidr,  // reading that is not counted.
  kValidate,
  kAuthorizerCheck,
  kSelector,
  kFree,
};

using Implementation = Value (*)(std::span<const Value> args);

struct Overload {
  Signature signature;
  Implementation run = nullptr;
  CostRule cost = CostRule::kOne;
  std::string function = {};
};

struct Function {
  std::string name;
  std::vector<Overload> overloads;
};

// One line of a library.
struct Declaration {
  const char* function;
  const char* signature;
  Implementation run;
  CostRule cost = CostRule::kOne;
};

// The functions and types that expressions of one environment may use.
class FunctionTable {
 public:
  void Add(std::span<const Declaration> library);
  // A name that stands for a type: "int", "net.IP". Of Kubernetes' own types only those of the net
  // library have one.
  void AddType(std::string name, TypeRef type);
  const Function* Find(std::string_view name) const;
  TypeRef FindType(std::string_view name) const;
  // From now on expressions make objects to change others by: Object{...} and what it is made of,
  // Object.spec{...}, with any fields; and JSONPatch{op, path, from, value}.
  void AddPatchTypes() { has_patch_types_ = true; }
  // Of what an expression makes with fields; null: there is no such type.
  TypeRef FindMessage(std::string_view name) const;

 private:
  std::map<std::string, Function, std::less<>> functions_;
  std::map<std::string, TypeRef, std::less<>> types_;
  bool has_patch_types_ = false;
};

// Whether `value` may be given for a parameter of that type.
bool Accepts(const Type& type, const Value& value);

}  // namespace skiff::cel
