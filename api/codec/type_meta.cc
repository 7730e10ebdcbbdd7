#include <string>
#include <string_view>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/text/go_text.h"

namespace skiff {

Result<TypeMeta> PeekTypeMeta(std::string_view json) {
  static constexpr std::string_view kGoType =
      "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
      "\"json:\\\"kind,omitempty\\\"\" }";
  JsonReader in(json);
  TypeMeta meta;
  std::string mismatch;
  const auto refuse = [&](JsonToken token, std::string_view where) {
    in.SkipEntered(token);
    if (mismatch.empty()) {
      mismatch = "json: cannot unmarshal " + std::string(GoJsonKind(token)) + " into Go " +
                 std::string(where);
    }
  };
  const JsonToken token = in.Next();
  if (token == JsonToken::kObject) {
    std::string_view key;
    while (in.NextKey(key)) {
      const bool is_kind = key == "kind";
      if (!is_kind && key != "apiVersion") {
        in.Skip();
        continue;
      }
      const JsonToken value = in.Next();
      if (value == JsonToken::kString) {
        (is_kind ? meta.kind : meta.api_version) = in.string();
      } else if (value != JsonToken::kNull && value != JsonToken::kError) {
        refuse(value, is_kind ? "struct field .kind of type string"
                              : "struct field .apiVersion of type string");
      }
    }
  } else if (token != JsonToken::kNull && token != JsonToken::kError) {
    refuse(token, "value of type " + std::string(kGoType));
  }
  in.Finish();
  if (in.failed()) return Fail(Reason::kBadRequest, in.error());
  if (!mismatch.empty()) return Fail(Reason::kBadRequest, mismatch);
  return meta;
}

std::string NoKindRegistered(const TypeMeta& meta, std::string_view scheme) {
  const std::string text =
      "no kind " + GoQuote(meta.kind) + " is registered for version " + GoQuote(meta.api_version);
  return scheme.empty() ? text : text + " in scheme " + GoQuote(scheme);
}

Result<TypeMeta> TypeMetaOf(const Json& document) {
  if (document.is_array()) return PeekTypeMeta("[]");
  if (!document.is_object()) return PeekTypeMeta(DumpJson(document));
  Json self = Json::object();
  for (const char* name : {"apiVersion", "kind"}) {
    if (const auto found = document.find(name); found != document.end()) self[name] = *found;
  }
  return PeekTypeMeta(DumpJson(self));
}

}  // namespace skiff
