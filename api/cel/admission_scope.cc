#include "api/cel/admission_scope.h"

#include <algorithm>

#include "api/cel/authorizer.h"
#include "api/cel/message.h"
#include "api/cel/words.h"

namespace skiff::cel {
namespace {

using Fields = std::initializer_list<std::pair<const char*, TypeRef>>;

TypeRef ObjectOf(const char* name, Fields fields) {
  auto type = std::make_shared<Type>();
  type->kind = TypeKind::kObject;
  type->name = name;
  for (const auto& [field, of] : fields) type->fields[field] = {field, of};
  return type;
}

// AdmissionRequest without uid, object and oldObject.
TypeRef RequestType() {
  const TypeRef text = types::String();
  const TypeRef texts = types::List(text);
  const TypeRef kind = ObjectOf("kubernetes.GroupVersionKind",
                                {{"group", text}, {"version", text}, {"kind", text}});
  const TypeRef resource = ObjectOf("kubernetes.GroupVersionResource",
                                    {{"group", text}, {"version", text}, {"resource", text}});
  const TypeRef user = ObjectOf("kubernetes.UserInfo", {{"username", text},
                                                        {"uid", text},
                                                        {"groups", texts},
                                                        {"extra", types::Map(text, texts)}});
  return ObjectOf("kubernetes.AdmissionRequest", {{"kind", kind},
                                                  {"resource", resource},
                                                  {"subResource", text},
                                                  {"requestKind", kind},
                                                  {"requestResource", resource},
                                                  {"requestSubResource", text},
                                                  {"name", text},
                                                  {"namespace", text},
                                                  {"operation", text},
                                                  {"userInfo", user},
                                                  {"dryRun", types::Bool()},
                                                  {"options", types::Dyn()}});
}

TypeRef NamespaceType() {
  const TypeRef text = types::String();
  const TypeRef texts = types::List(text);
  const TypeRef labels = types::Map(text, text);
  const TypeRef condition = ObjectOf("kubernetes.NamespaceCondition",
                                     {{"status", text},
                                      {"type", text},
                                      {"lastTransitionTime", types::Timestamp()},
                                      {"message", text},
                                      {"reason", text}});
  const TypeRef metadata = ObjectOf("kubernetes.NamespaceMetadata",
                                    {{"name", text},
                                     {"generateName", text},
                                     {"namespace", text},
                                     {"labels", labels},
                                     {"annotations", labels},
                                     {"UID", text},
                                     {"creationTimestamp", types::Timestamp()},
                                     {"deletionGracePeriodSeconds", types::Int()},
                                     {"deletionTimestamp", types::Timestamp()},
                                     {"generation", types::Int()},
                                     {"resourceVersion", text},
                                     {"finalizers", texts}});
  return ObjectOf(
      "kubernetes.Namespace",
      {{"metadata", metadata},
       {"spec", ObjectOf("kubernetes.NamespaceSpec", {{"finalizers", texts}})},
       {"status", ObjectOf("kubernetes.NamespaceStatus",
                           {{"conditions", types::List(condition)}, {"phase", text}})}});
}

// Lists of lists of more are nobody's: each variable may wrap the one before.
constexpr int kTypeDepthMax = 64;

// The type that a variable has for those who use it.
TypeRef CarriedOver(const TypeRef& type, int depth = 0) {
  if (depth > kTypeDepthMax) return types::Dyn();
  switch (type->kind) {
    case TypeKind::kNull:
    case TypeKind::kBool:
    case TypeKind::kInt:
    case TypeKind::kUint:
    case TypeKind::kDouble:
    case TypeKind::kString:
    case TypeKind::kBytes:
    case TypeKind::kDuration:
    case TypeKind::kTimestamp: return type;
    case TypeKind::kList: return types::List(CarriedOver(type->params[0], depth + 1));
    case TypeKind::kMap:
      return types::Map(CarriedOver(type->params[0], depth + 1),
                        CarriedOver(type->params[1], depth + 1));
    default: return types::Dyn();
  }
}

// "": the type is one of those.
std::string WrongType(const Type& type, Returns returns) {
  const bool text = type.kind == TypeKind::kString;
  const std::string got = " but got " + GoTypeText(type);
  switch (returns) {
    case Returns::kAny: return "";
    case Returns::kBool:
      return type.kind == TypeKind::kBool ? "" : "must evaluate to bool" + got;
    case Returns::kString: return text ? "" : "must evaluate to string" + got;
    case Returns::kStringOrNull:
      return text || type.kind == TypeKind::kNull
                 ? ""
                 : "must evaluate to one of [string null_type]" + got;
    case Returns::kPatchObject:
      return type.kind == TypeKind::kObject && type.name == kPatchObjectType
                 ? ""
                 : "must evaluate to Object" + got;
    case Returns::kJsonPatches:
      return type.kind == TypeKind::kList && type.params[0]->name == kJsonPatchType
                 ? ""
                 : "must evaluate to list(JSONPatch)" + got;
  }
  return "";
}

}  // namespace

AdmissionScope::AdmissionScope(const Options& options) : composed_(std::make_shared<Type>()) {
  composed_->kind = TypeKind::kObject;
  composed_->name = "kubernetes.variables";
  static const TypeRef request = RequestType();
  static const TypeRef space = NamespaceType();
  const auto known = [](const TypeRef& type) { return type ? type : types::Dyn(); };
  // No expression can name the variable "": it keeps the places of the others.
  variables_ = {{"object", known(options.object)},
                {"oldObject", known(options.object)},
                {"namespaceObject", space},
                {"request", request},
                {options.params ? "params" : "", known(options.params_type)},
                {options.composed ? "variables" : "", composed_},
                {"authorizer", AuthorizerType()},
                {"authorizer.requestResource", ResourceCheckType()}};
}

CompiledExpression AdmissionScope::Compile(std::string_view expression,
                                           const Wanted& wanted) const {
  std::vector<Variable> variables = variables_;
  if (!wanted.authorizer) {
    variables[kSlotAuthorizer].name.clear();
    variables[kSlotRequestResource].name.clear();
  }
  CompiledExpression made{.text = std::string(expression), .program = nullptr, .error = {}};
  const bool mutates =
      wanted.returns == Returns::kPatchObject || wanted.returns == Returns::kJsonPatches;
  auto program = cel::Compile(expression,
                              mutates ? Environment::Mutations(std::move(variables))
                                      : Environment::Kubernetes(std::move(variables)),
                              [&](const Type& type) { return WrongType(type, wanted.returns); });
  if (!program) {
    made.error = std::move(program).error().message;
    made.is_internal = made.error.starts_with("program instantiation failed");
    return made;
  }
  made.program = std::move(*program);
  return made;
}

void AdmissionScope::AddVariable(const std::string& name, const TypeRef& type) {
  composed_->fields[name] = {name, CarriedOver(type)};
}

bool IsVariableName(std::string_view name) {
  const auto letter = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const auto inner = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && letter(name[0]) && std::all_of(name.begin(), name.end(), inner) &&
         !IsReservedWord(name);
}

}  // namespace skiff::cel
