#include "api/crd/definition_text.h"

#include <string>

#include "api/codec/json.h"

namespace skiff::crd {
namespace {

class Cutter {
 public:
  explicit Cutter(std::string_view text) : in_(text) {}

  Result<DefinitionText> Cut() {
    const JsonToken token = in_.Next();
    if (token != JsonToken::kObject) return Fail(Reason::kBadRequest, "a definition is an object");
    out_.document = Members(token, [this](const std::string& name, JsonToken value) {
      return name == "spec" ? Spec(value) : ReadJson(in_, value);
    });
    in_.Finish();
    if (in_.failed()) return Fail(Reason::kBadRequest, in_.error());
    return std::move(out_);
  }

 private:
  // The value that `token` begins; `read` reads the members of an object.
  template <typename Read>
  Json Members(JsonToken token, const Read& read) {
    if (token != JsonToken::kObject) return ReadJson(in_, token);
    Json object = Json::object();
    std::string_view key;
    while (in_.NextKey(key)) {
      const std::string name(key);
      object[name] = read(name, in_.Next());
    }
    return object;
  }

  // Passes over it.
  std::string_view Whole(JsonToken token) {
    const size_t begin = in_.begin();
    in_.SkipEntered(token);
    return in_.text().substr(begin, in_.position() - begin);
  }

  Json Spec(JsonToken token) {
    const size_t begin = in_.begin();
    Json spec = Members(token, [this](const std::string& name, JsonToken value) {
      return name == "versions" && value == JsonToken::kArray ? Versions() : ReadJson(in_, value);
    });
    out_.spec = in_.text().substr(begin, in_.position() - begin);
    return spec;
  }

  Json Versions() {
    Json versions = Json::array();
    out_.schemas.clear();
    while (in_.NextItem()) {
      out_.schemas.emplace_back();
      versions.push_back(Members(in_.Next(), [this](const std::string& name, JsonToken value) {
        return name == "schema" ? Schema(value) : ReadJson(in_, value);
      }));
    }
    return versions;
  }

  Json Schema(JsonToken token) {
    Json schema = Members(token, [this](const std::string& name, JsonToken value) {
      if (name != "openAPIV3Schema" || value == JsonToken::kNull) return ReadJson(in_, value);
      out_.schemas.back() = Whole(value);
      return Json();
    });
    if (schema.is_object()) schema.erase("openAPIV3Schema");
    return schema;
  }

  JsonReader in_;
  DefinitionText out_;
};

}  // namespace

Result<DefinitionText> CutDefinition(std::string_view text) {
  return Cutter(text).Cut();
}

}  // namespace skiff::crd
