#include "api/cel/type.h"

#include <cctype>
#include <utility>

#include "base/error.h"

namespace skiff::cel {
namespace {

constexpr char kOptionalName[] = "optional_type";
constexpr char kAnyName[] = "any";

TypeRef SimpleType(TypeKind kind) {
  return std::make_shared<const Type>(Type{.kind = kind});
}

const char* SimpleName(TypeKind kind) {
  switch (kind) {
    case TypeKind::kDyn: return "dyn";
    case TypeKind::kError: return "!error!";
    case TypeKind::kNull: return "null";
    case TypeKind::kBool: return "bool";
    case TypeKind::kInt: return "int";
    case TypeKind::kUint: return "uint";
    case TypeKind::kDouble: return "double";
    case TypeKind::kString: return "string";
    case TypeKind::kBytes: return "bytes";
    case TypeKind::kDuration: return "duration";
    case TypeKind::kTimestamp: return "timestamp";
    case TypeKind::kList: return "list";
    case TypeKind::kMap: return "map";
    case TypeKind::kType: return "type";
    default: return "";
  }
}

// Reads signatures.
class SignatureReader {
 public:
  explicit SignatureReader(std::string_view text) : text_(text) {}

  Signature Read() {
    Signature out;
    if (Peek() != '(') {
      out.member = true;
      out.args.push_back(ReadType());
      Expect('.');
    }
    Expect('(');
    while (Peek() != ')') {
      out.args.push_back(ReadType());
      if (Peek() == ',') ++at_;
    }
    Expect(')');
    Expect('-');
    Expect('>');
    out.result = ReadType();
    CHECK(Peek() == '\0');
    return out;
  }

 private:
  char Peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  void Expect(char wanted) {
    CHECK(Peek() == wanted);
    ++at_;
  }

  // A name holds dots, but a member's dot stands in front of a parenthesis.
  std::string ReadName() {
    Peek();
    std::string name;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool dot = c == '.' && at_ + 1 < text_.size() && text_[at_ + 1] != '(';
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && !dot) break;
      name += c;
      ++at_;
    }
    return name;
  }

  TypeRef ReadType() {
    const std::string name = ReadName();
    CHECK(!name.empty());
    std::vector<TypeRef> params;
    if (Peek() == '(') {
      ++at_;
      while (Peek() != ')') {
        params.push_back(ReadType());
        if (Peek() == ',') ++at_;
      }
      ++at_;
    }
    return Named(name, std::move(params));
  }

  static TypeRef Named(const std::string& name, std::vector<TypeRef> params) {
    static const std::unordered_map<std::string, TypeRef> simple = {
        {"dyn", types::Dyn()},           {"null", types::Null()},
        {"bool", types::Bool()},         {"int", types::Int()},
        {"uint", types::Uint()},         {"double", types::Double()},
        {"string", types::String()},     {"bytes", types::Bytes()},
        {"duration", types::Duration()}, {"timestamp", types::Timestamp()}};
    if (const auto found = simple.find(name); found != simple.end()) return found->second;
    if (name == "list") return types::List(params.at(0));
    if (name == "map") return types::Map(params.at(0), params.at(1));
    if (name == "type") return types::TypeOf(params.at(0));
    if (name == "optional") return types::Optional(params.at(0));
    if (name.size() == 1) return types::Param(name);
    return types::Opaque(name);
  }

  std::string_view text_;
  size_t at_ = 0;
};

bool IsDynOrError(const Type& type) {
  return type.kind == TypeKind::kDyn || type.kind == TypeKind::kError;
}

// Null stands for what a protobuf message could leave out.
bool TakesNull(const Type& type) {
  if (type.is_wrapper) return true;
  switch (type.kind) {
    case TypeKind::kNull:
    case TypeKind::kDuration:
    case TypeKind::kTimestamp:
    case TypeKind::kOpaque:
    case TypeKind::kObject:
      return true;
    default:
      return false;
  }
}

bool SaysNoMore(const Type& a, const Type& b) {
  if (a.kind == TypeKind::kDyn || a.kind == TypeKind::kParam) return true;
  if (b.kind == TypeKind::kDyn || b.kind == TypeKind::kParam) return false;
  if (a.kind != b.kind || a.name != b.name || a.params.size() != b.params.size()) return false;
  if (a.kind == TypeKind::kType) return true;
  for (size_t i = 0; i < a.params.size(); ++i) {
    if (!SaysNoMore(*a.params[i], *b.params[i])) return false;
  }
  return true;
}

}  // namespace

namespace types {

TypeRef Dyn() {
  static const TypeRef type = SimpleType(TypeKind::kDyn);
  return type;
}
TypeRef Error() {
  static const TypeRef type = SimpleType(TypeKind::kError);
  return type;
}
TypeRef Null() {
  static const TypeRef type = SimpleType(TypeKind::kNull);
  return type;
}
TypeRef Bool() {
  static const TypeRef type = SimpleType(TypeKind::kBool);
  return type;
}
TypeRef Int() {
  static const TypeRef type = SimpleType(TypeKind::kInt);
  return type;
}
TypeRef Uint() {
  static const TypeRef type = SimpleType(TypeKind::kUint);
  return type;
}
TypeRef Double() {
  static const TypeRef type = SimpleType(TypeKind::kDouble);
  return type;
}
TypeRef String() {
  static const TypeRef type = SimpleType(TypeKind::kString);
  return type;
}
TypeRef Bytes() {
  static const TypeRef type = SimpleType(TypeKind::kBytes);
  return type;
}
TypeRef Duration() {
  static const TypeRef type = SimpleType(TypeKind::kDuration);
  return type;
}
TypeRef Timestamp() {
  static const TypeRef type = SimpleType(TypeKind::kTimestamp);
  return type;
}
TypeRef List(TypeRef item) {
  return WithParams({.kind = TypeKind::kList}, {std::move(item)});
}
TypeRef Map(TypeRef key, TypeRef value) {
  return WithParams({.kind = TypeKind::kMap}, {std::move(key), std::move(value)});
}
TypeRef TypeOf(TypeRef instance) {
  return WithParams({.kind = TypeKind::kType}, {std::move(instance)});
}
TypeRef AnyType() {
  static const TypeRef type = SimpleType(TypeKind::kType);
  return type;
}
TypeRef Any() {
  static const TypeRef type =
      std::make_shared<const Type>(Type{.kind = TypeKind::kDyn, .name = kAnyName});
  return type;
}
TypeRef Optional(TypeRef inner) {
  return Opaque(kOptionalName, {std::move(inner)});
}
TypeRef Opaque(std::string name, std::vector<TypeRef> params) {
  return WithParams({.kind = TypeKind::kOpaque, .name = std::move(name)}, std::move(params));
}
TypeRef Object(std::string name) {
  return std::make_shared<const Type>(Type{.kind = TypeKind::kObject, .name = std::move(name)});
}
TypeRef Wrapper(const TypeRef& scalar) {
  auto made = std::make_shared<Type>(*scalar);
  made->is_wrapper = true;
  return made;
}
TypeRef Param(std::string name) {
  return std::make_shared<const Type>(Type{.kind = TypeKind::kParam, .name = std::move(name)});
}
TypeRef WithParams(const Type& type, std::vector<TypeRef> params) {
  auto made = std::make_shared<Type>(type);
  made->params = std::move(params);
  made->parts = 1;
  for (const TypeRef& param : made->params) made->parts += param->parts;
  return made;
}

}  // namespace types

std::string TypeText(const Type& type) {
  if (type.is_wrapper) return std::string("wrapper(") + SimpleName(type.kind) + ")";
  std::string out = type.name.empty() ? SimpleName(type.kind) : type.name;
  if (type.params.empty()) return out;
  out += '(';
  for (size_t i = 0; i < type.params.size(); ++i) {
    if (i > 0) out += ", ";
    out += TypeText(*type.params[i]);
  }
  return out + ")";
}

bool SameType(const Type& a, const Type& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.name != b.name || a.params.size() != b.params.size()) return false;
  for (size_t i = 0; i < a.params.size(); ++i) {
    if (!SameType(*a.params[i], *b.params[i])) return false;
  }
  return true;
}

bool IsOptional(const Type& type) {
  return type.kind == TypeKind::kOpaque && type.name == kOptionalName;
}

bool IsAny(const Type& type) {
  return type.kind == TypeKind::kDyn && type.name == kAnyName;
}

bool IsPlain(const Type& type, TypeKind kind) {
  return type.kind == kind && !type.is_wrapper;
}

std::string InstanceTypeName(const Type& type) {
  if (IsAny(type)) return "google.protobuf.Any";
  switch (type.kind) {
    case TypeKind::kNull: return "null_type";
    case TypeKind::kDuration: return "google.protobuf.Duration";
    case TypeKind::kTimestamp: return "google.protobuf.Timestamp";
    case TypeKind::kOpaque:
    case TypeKind::kObject: return type.name;
    default: return SimpleName(type.kind);
  }
}

std::string GoTypeText(const Type& type) {
  if (type.is_wrapper) return TypeText(type);
  std::string text = InstanceTypeName(type);
  for (size_t i = 0; i < type.params.size(); ++i) {
    text += i == 0 ? "(" : ", ";
    text += GoTypeText(*type.params[i]);
  }
  return type.params.empty() ? text : text + ")";
}

Signature ParseSignature(std::string_view text) {
  return SignatureReader(text).Read();
}

TypeRef MoreGeneral(const TypeRef& a, const TypeRef& b) {
  return SaysNoMore(*a, *b) ? a : b;
}

bool Substitution::Assign(const TypeRef& to, const TypeRef& from) {
  return AssignAll({to}, {from});
}

bool Substitution::AssignAll(const std::vector<TypeRef>& to, const std::vector<TypeRef>& from) {
  if (to.size() != from.size()) return false;
  changes_.clear();
  for (size_t i = 0; i < to.size(); ++i) {
    if (AssignInner(from[i], to[i])) continue;
    ForgetSince(0);
    return false;
  }
  return true;
}

void Substitution::Learn(const std::string& param, TypeRef type) {
  TypeRef& known = known_[param];
  changes_.push_back({param, known});
  known = std::move(type);
}

void Substitution::ForgetSince(size_t changes) {
  while (changes_.size() > changes) {
    Change& last = changes_.back();
    if (last.before == nullptr) {
      known_.erase(last.param);
    } else {
      known_[last.param] = std::move(last.before);
    }
    changes_.pop_back();
  }
}

bool Substitution::TakeStep() {
  too_complex_ |= ++steps_ > steps_max_;
  return !too_complex_;
}

bool Substitution::AssignInner(const TypeRef& a, const TypeRef& b) {
  if (!TakeStep()) return false;
  if (b->kind == TypeKind::kParam) {
    bool known = false;
    if (BindParam(a, b, known)) return true;
    if (known) return false;
  }
  if (a->kind == TypeKind::kParam) {
    bool known = false;
    return BindParam(b, a, known);
  }
  if (IsDynOrError(*a) || IsDynOrError(*b)) return true;
  if (a->kind == TypeKind::kNull) return TakesNull(*b);
  if (b->kind == TypeKind::kNull) return TakesNull(*a);
  if (a->kind != b->kind || a->name != b->name) return false;
  if (a->kind == TypeKind::kType) return true;
  if (a->params.size() != b->params.size()) return false;
  for (size_t i = 0; i < a->params.size(); ++i) {
    if (!AssignInner(a->params[i], b->params[i])) return false;
  }
  return true;
}

bool Substitution::BindParam(const TypeRef& type, const TypeRef& param, bool& known) {
  if (type->kind == TypeKind::kParam && type->name == param->name) {
    known = true;
    return true;
  }
  const auto found = known_.find(param->name);
  if (found != known_.end()) {
    known = true;
    const TypeRef current = found->second;
    if (SameType(*type, *current)) return true;
    if (!AssignInner(type, current)) return false;
    const TypeRef general = MoreGeneral(type, current);
    if (!Mentions(param, general)) Learn(param->name, general);
    return true;
  }
  if (Mentions(param, type)) return false;
  Learn(param->name, type);
  return true;
}

bool Substitution::Mentions(const TypeRef& param, const TypeRef& within) {
  if (!TakeStep()) return true;
  if (within->kind == TypeKind::kParam) {
    if (within->name == param->name) return true;
    const auto found = known_.find(within->name);
    return found != known_.end() && Mentions(param, found->second);
  }
  for (const TypeRef& inner : within->params) {
    if (Mentions(param, inner)) return true;
  }
  return false;
}

TypeRef Substitution::Apply(const TypeRef& type, bool open_to_dyn) {
  uint32_t left = kTypePartsMax;
  return Expand(type, open_to_dyn, left);
}

TypeRef Substitution::Expand(const TypeRef& whole, bool open_to_dyn, uint32_t& left) {
  TypeRef type = whole;
  while (type->kind == TypeKind::kParam && TakeStep()) {
    const auto found = known_.find(type->name);
    if (found == known_.end()) return open_to_dyn ? types::Dyn() : type;
    type = found->second;
  }
  if (left == 0 || !TakeStep()) return TooLarge();
  --left;
  if (type->params.empty()) return type;
  std::vector<TypeRef> params;
  bool changed = false;
  for (const TypeRef& param : type->params) {
    params.push_back(Expand(param, open_to_dyn, left));
    changed |= params.back() != param;
  }
  return changed ? types::WithParams(*type, std::move(params)) : type;
}

TypeRef Substitution::TooLarge() {
  too_complex_ = true;
  return types::Dyn();
}

}  // namespace skiff::cel
