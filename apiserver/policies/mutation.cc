#include "apiserver/policies/mutation.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/cel/patch_values.h"
#include "api/codec/decode.h"
#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/patch/apply.h"
#include "api/patch/patch.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1beta1;

// As JSON, as much as a client may send: each of many mutations may double what it finds.
constexpr size_t kMutatedBytesMax = size_t{3} << 20;

// What a document says that it is, where it leaves nothing out.
Result<TypeMeta> TypeOf(const Json& document) {
  auto meta = TypeMetaOf(document);
  if (!meta) {
    return Fail(
        InternalErrorOf("couldn't get version/kind; json parse error: " + meta.error().message));
  }
  if (std::count(meta->api_version.begin(), meta->api_version.end(), '/') > 1) {
    return Fail(InternalErrorOf("unexpected GroupVersion string: " + meta->api_version));
  }
  return meta;
}

Result<> CheckStrictly(const Type& type, const Json& document) {
  const auto decoded = DecodeJson(type, DumpJson(document), FieldValidation::kStrict);
  if (!decoded) return Fail(InternalErrorOf(decoded.error().message));
  if (decoded->strict_errors.empty()) return {};
  return Fail(InternalErrorOf(
      fmt::format("strict decoding error: {}", fmt::join(decoded->strict_errors, ", "))));
}

// Whatever of it the kind does not know would be lost without a word. It is of the kind that it was
// of `before`, whether it says so or leaves that out.
Result<> CheckKnown(const Type* type, const Json& before, Json& document) {
  const std::string version = TextAt(before, "apiVersion");
  const std::string kind = TextAt(before, "kind");
  TypeMeta now = TRY(TypeOf(document));
  const bool is_struct = type == nullptr || type->ops != nullptr;
  if (is_struct && now.api_version.empty()) now.api_version = version;
  if (is_struct && now.kind.empty()) now.kind = kind;
  if (now.api_version != version || now.kind != kind) {
    const Type* other = FindBuiltInType(now.api_version, now.kind);
    if (other != nullptr && other->type_meta) {
      TRY(CheckStrictly(*other, document));
    }
    return Fail(InternalErrorOf(NoKindRegistered(now, kRuntimeScheme)));
  }
  document["apiVersion"] = version;
  document["kind"] = kind;
  // Custom resources are pruned as always.
  return type == nullptr || type->ops == nullptr ? Result<>() : CheckStrictly(*type, document);
}

Result<Json> Patched(const cel::Value& operations, const Type* type, Json document) {
  const std::string text = TRY(cel::JsonPatchOf(operations));
  const JsonPatch patch = TRY(ParseJsonPatch(text, false));
  auto patched = ApplyJsonPatch(patch, document);
  if (patched) {
    TRY(CheckKnown(type, document, *patched));
    return patched;
  }
  // A test that fails is no error: the object stays as it was.
  const std::string& why = patched.error().message;
  if (why.ends_with("test failed")) return document;
  return Fail(Reason::kInvalid, "JSON Patch: " + why);
}

Result<Json> Applied(const cel::Value& object, const Type* type, Json document) {
  Json configuration = TRY(cel::ConfigurationOf(object));
  if (type == nullptr) {
    return Fail(Reason::kInvalid,
                fmt::format("error applying patch: failed to convert patch object to typed object: "
                            "no corresponding type for {}, Kind={}",
                            TextAt(document, "apiVersion"), TextAt(document, "kind")));
  }
  auto merged = MergeConfiguration(*type, std::move(document), std::move(configuration));
  if (merged) return merged;
  return Fail(Reason::kInvalid, "error applying patch: " + merged.error().message);
}

}  // namespace

MutationExpressions CompilePolicy(const MutatingAdmissionPolicySpec& spec) {
  using cel::Returns;
  MutationExpressions made;
  cel::AdmissionScope scope({.params = bool(spec.param_kind), .composed = true});
  for (const auto& variable : spec.variables) {
    made.variables.push_back({variable.name, scope.Compile(variable.expression, {})});
    scope.AddVariable(variable.name, made.variables.back().expression.type());
  }
  made.conditions = cel::CompileConditions(scope, spec.match_conditions);
  for (const Mutation& mutation : spec.mutations) {
    const bool is_json_patch = mutation.patch_type == "JSONPatch";
    if (is_json_patch && mutation.json_patch) {
      made.mutations.push_back({true, scope.Compile(mutation.json_patch->expression,
                                                    {.returns = Returns::kJsonPatches})});
    } else if (!is_json_patch && mutation.apply_configuration) {
      made.mutations.push_back({false, scope.Compile(mutation.apply_configuration->expression,
                                                     {.returns = Returns::kPatchObject})});
    }
  }
  InputNames names(made.variables);
  for (const cel::CompiledExpression& condition : made.conditions) names.Add(condition);
  for (const auto& mutation : made.mutations) names.Add(mutation.expression);
  made.named = names.named();
  // They go over parts of the object in ways that say little of what they need of it.
  made.named.object.whole = made.named.old_object.whole = true;
  return made;
}

Result<Json> Mutated(const MutationExpressions& policy,
                     const MutationExpressions::Mutation& mutation,
                     const cel::AdmissionInputs& inputs, const Type* type, Json document) {
  const cel::CompiledExpression& expression = mutation.expression;
  if (expression.program == nullptr) return Fail(Reason::kInvalid, expression.error);
  cel::AdmissionActivation activation(policy.variables, inputs);
  uint64_t budget = cel::kObjectCostMax;
  const cel::Evaluation evaluated = activation.Evaluate(expression, budget);
  if (evaluated.failed()) return Fail(Reason::kInvalid, evaluated.error);
  auto mutated = mutation.is_json_patch ? Patched(evaluated.value, type, std::move(document))
                                        : Applied(evaluated.value, type, std::move(document));
  if (mutated && DumpJson(*mutated).size() > kMutatedBytesMax) {
    return Fail(Reason::kInvalid, fmt::format("the mutated object is too large: more than {} bytes",
                                              kMutatedBytesMax));
  }
  return mutated;
}

}  // namespace skiff
