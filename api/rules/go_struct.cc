#include "api/rules/go_struct.h"

#include <algorithm>

#include "api/text/go_text.h"

namespace skiff {
namespace {

// Fields of a pod's spec that Kubernetes keeps inside its security context.
constexpr const char* kMovedFields[] = {"hostNetwork", "hostPID", "hostIPC",
                                        "shareProcessNamespace", "hostUsers"};

bool SameButCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

const Field* FindField(const Type& type, std::string_view go_name) {
  for (const Field& field : type.fields) {
    if (SameButCase(field.name, go_name)) return &field;
  }
  return nullptr;
}

class Printer {
 public:
  explicit Printer(bool indent) : indent_(indent) {}

  void Value(const Type& type, const Json& value) {
    if (type.shape == Shape::kStruct && !GoFields(type.name).empty()) {
      if (type.name == "PodSpec") return PodSpec(type, value);
      return Struct(type, value);
    }
    if (type.shape == Shape::kList && type.element && !value.is_null()) return List(type, value);
    if (indent_ && type.shape == Shape::kStruct && value.is_object()) return Typed(type, value);
    if (indent_ && value.is_structured()) return Document(value);
    text_ += type.shape == Shape::kStruct ? GoJson(type, value) : GoJson(value);
  }

  std::string Take() { return std::move(text_); }

 private:
  void NewLine() {
    if (!indent_) return;
    text_ += '\n';
    text_.append(depth_, ' ');
  }

  // Calls each() for every member, which names it first.
  template <typename Members>
  void Braces(char open, char close, bool empty, Members members) {
    text_ += open;
    if (!empty) {
      ++depth_;
      first_ = true;
      members();
      --depth_;
      NewLine();
    }
    text_ += close;
    first_ = false;
  }

  void Next() {
    if (!first_) text_ += ',';
    first_ = false;
    NewLine();
  }

  void Name(std::string_view name) {
    Next();
    text_ += GoJson(Json(std::string(name)));
    text_ += indent_ ? ": " : ":";
  }

  void List(const Type& type, const Json& list) {
    Braces('[', ']', list.empty(), [&] {
      for (const Json& item : list) {
        Next();
        Value(*type.element, item);
      }
    });
  }

  // A type without internal form, of the meta group: what is there of it, in its order.
  void Typed(const Type& type, const Json& value) {
    Braces('{', '}', value.empty(), [&] {
      for (const Field& field : type.fields) {
        const auto found = value.find(field.name);
        if (found == value.end()) continue;
        Name(field.name);
        Value(*field.type, *found);
      }
    });
  }

  // A part without types: maps.
  void Document(const Json& value) {
    const bool list = value.is_array();
    Braces(list ? '[' : '{', list ? ']' : '}', value.empty(), [&] {
      for (const auto& [key, item] : value.items()) {
        list ? Next() : Name(key);
        item.is_structured() ? Document(item) : (void)(text_ += GoJson(item));
      }
    });
  }

  // What an absent field holds in Go.
  void Zero(const Field& field) {
    const Shape shape = field.type->shape;
    if (field.pointer || shape == Shape::kList || shape == Shape::kMap || shape == Shape::kBytes ||
        shape == Shape::kTime || shape == Shape::kMicroTime || shape == Shape::kJson) {
      text_ += "null";
    } else if (shape == Shape::kStruct) {
      Value(*field.type, Json::object());
    } else if (shape == Shape::kString || shape == Shape::kQuantity) {
      text_ += shape == Shape::kString ? R"("")" : R"("0")";
    } else {
      text_ += shape == Shape::kBool ? "false" : "0";
    }
  }

  void Member(const Type& type, const Json& value, std::string_view go_field) {
    const size_t equals = go_field.find('=');
    const std::string_view go_name = go_field.substr(0, equals);
    const Field* field =
        FindField(type, equals == std::string_view::npos ? go_name : go_field.substr(equals + 1));
    CHECK(field != nullptr);
    if (go_name == "ObjectMeta") {  // Go's encoder puts an embedded struct's fields in its place.
      const Json meta = value.contains("metadata") ? value["metadata"] : Json::object();
      for (const Field& member : field->type->fields) {
        const auto item = meta.find(member.name);
        if (item == meta.end()) continue;
        Name(member.name);
        Value(*member.type, *item);
      }
      return;
    }
    Name(go_name);
    const auto found = value.find(field->name);
    if (found == value.end() || found->is_null()) {
      Zero(*field);
    } else {
      Value(*field->type, *found);
    }
  }

  void Struct(const Type& type, const Json& value) {
    Braces('{', '}', false, [&] {
      std::string_view fields = GoFields(type.name);
      while (!fields.empty()) {
        const size_t end = std::min(fields.find(' '), fields.size());
        const std::string_view field = fields.substr(0, end);
        fields.remove_prefix(std::min(end + 1, fields.size()));
        if (Moved(type, value, field)) continue;
        Member(type, value, field);
      }
    });
  }

  // True when it wrote a field that pod specs hold elsewhere.
  bool Moved(const Type& type, const Json& value, std::string_view go_name) {
    if (type.name != "PodSecurityContext") return false;
    for (const char* name : kMovedFields) {
      if (!SameButCase(name, go_name)) continue;
      Name(go_name);
      const auto found = value.find(name);
      const bool pointer =
          SameButCase(name, "shareProcessNamespace") || SameButCase(name, "hostUsers");
      text_ += found != value.end() ? GoJson(*found) : pointer ? "null" : "false";
      return true;
    }
    return false;
  }

  void PodSpec(const Type& type, const Json& value) {
    Json moved = value;
    Json& security = moved["securityContext"];
    for (const char* name : kMovedFields) {
      const auto found = value.find(name);
      if (found != value.end()) security[name] = *found;
    }
    Struct(type, moved);
  }

  const bool indent_;
  std::string text_;
  size_t depth_ = 0;
  bool first_ = true;
};

}  // namespace

std::string GoStructText(const Type& type, const Json& document, bool indent) {
  Printer printer(indent);
  printer.Value(type, document);
  return printer.Take();
}

}  // namespace skiff
