#include "api/patch/patch.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/repeated_keys.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

// The beginning of what Go says of a value of the wrong shape.
std::string CannotUnmarshal(JsonToken found) {
  return "json: cannot unmarshal " + std::string(GoJsonKind(found)) + " into Go ";
}

tl::unexpected<Error> CannotDecode(const std::string& why) {
  return Fail(Reason::kBadRequest, "error decoding patch: " + why);
}

// What the library says of a text that an operation does not have.
constexpr const char* kNoPath = "operation missing path field: missing value";
constexpr const char* kNoFrom = "operation, missing from field: missing value";

// A field of an operation that holds a text. The library looks at it when it is needed; `why` is
// what a decoder says that looks at once.
void ReadText(JsonReader& in, JsonToken token, const std::string& key, PatchOperation& operation,
              std::string& why) {
  const bool is_path = key == "path";
  std::string& text = is_path ? operation.path : key == "from" ? operation.from : operation.op;
  std::string none;
  std::string& error = is_path ? operation.path_error : key == "from" ? operation.from_error : none;
  if (token == JsonToken::kString) {
    text = in.string();
    error.clear();
    return;
  }
  in.SkipEntered(token);
  error = is_path ? kNoPath : kNoFrom;
  if (key == "op") text = "unknown";
  if (token == JsonToken::kNull || token == JsonToken::kError) return;
  const std::string wrong = CannotUnmarshal(token);
  error = wrong + "value of type string";
  if (why.empty()) why = wrong + "struct field jsonPatchOp." + key + " of type string";
}

void ReadOperation(JsonReader& in, size_t index, JsonPatch& patch, std::string& why) {
  PatchOperation operation{.op = "unknown", .path_error = kNoPath, .from_error = kNoFrom};
  std::set<std::string> seen;
  std::string_view key_view;
  while (in.NextKey(key_view)) {
    const std::string key(key_view);
    const std::string place = "\"[" + std::to_string(index) + "]." + key + "\"";
    const bool is_text = key == "op" || key == "path" || key == "from";
    const bool known = is_text || key == "value";
    const char* what = !known ? "unknown" : seen.insert(key).second ? nullptr : "duplicate";
    if (what != nullptr && patch.strict_errors.size() < kStrictErrorsMax) {
      patch.strict_errors.push_back("json patch " + std::string(what) + " field " + place);
    }
    const JsonToken token = in.Next();
    if (is_text) {
      ReadText(in, token, key, operation, why);
    } else if (key == "value") {
      const size_t begin = in.begin();
      operation.value = ReadJson(in, token);
      operation.value_text = in.text().substr(begin, in.position() - begin);
      if (why.empty()) why = in.Misfit("struct field jsonPatchOp.value");
    } else {
      in.SkipEntered(token);
    }
  }
  patch.operations.push_back(std::move(operation));
}

// Of what is said of duplicates. Each names its path, which may be as long as the text.
constexpr size_t kDuplicatesBytesMax = 1 << 20;
// How often a key that occurs again is looked at: most say what was said before.
constexpr size_t kDuplicateLooksMax = 1000;

class FoundDuplicates {
 public:
  void Add(const std::string& path) {
    if (texts_.size() >= kStrictErrorsMax || bytes_ >= kDuplicatesBytesMax ||
        ++looks_ > kDuplicateLooksMax) {
      return;
    }
    std::string text = "duplicate field " + GoQuote(path);
    if (std::find(texts_.begin(), texts_.end(), text) != texts_.end()) return;
    bytes_ += text.size();
    texts_.push_back(std::move(text));
  }
  std::vector<std::string> Take() { return std::move(texts_); }

 private:
  std::vector<std::string> texts_;
  size_t bytes_ = 0;
  size_t looks_ = 0;
};

// Whether a key may occur twice in an object, at any depth: by hashes, since hardly ever one does.
// `keys`: those of the objects around.
bool MayRepeatKeys(JsonReader& in, JsonToken token, std::vector<size_t>& keys) {
  bool may = false;
  if (token == JsonToken::kArray) {
    while (in.NextItem()) may |= MayRepeatKeys(in, in.Next(), keys);
  }
  if (token != JsonToken::kObject) return may;
  const auto begin = static_cast<std::ptrdiff_t>(keys.size());
  std::string_view key;
  while (in.NextKey(key)) {
    keys.push_back(std::hash<std::string_view>()(key));
    may |= MayRepeatKeys(in, in.Next(), keys);
  }
  std::sort(keys.begin() + begin, keys.end());
  may |= std::adjacent_find(keys.begin() + begin, keys.end()) != keys.end();
  keys.resize(static_cast<size_t>(begin));
  return may;
}

// Notes keys that occur twice in an object, at any depth.
void Duplicates(JsonReader& in, JsonToken token, std::string& path, FoundDuplicates& out) {
  const size_t length = path.size();
  if (token == JsonToken::kArray) {
    for (size_t i = 0; in.NextItem(); ++i) {
      path += "[" + std::to_string(i) + "]";
      Duplicates(in, in.Next(), path, out);
      path.resize(length);
    }
  }
  if (token != JsonToken::kObject) return;
  std::set<std::string, std::less<>> seen;
  std::string_view key;
  while (in.NextKey(key)) {
    path.append(path.empty() ? "" : ".").append(key);
    if (!seen.emplace(key).second) out.Add(path);
    Duplicates(in, in.Next(), path, out);
    path.resize(length);
  }
}

void AppendFraction(double value, std::string& out) {
  const size_t begin = out.size();
  AppendJson(Json(value), out);
  if (out.find_first_of(".e", begin) == out.npos) out += ".0";
}

// Objects that the patch went into have their keys sorted; the others keep the order of the table.
// `touched` is null where it did not go.
void AppendPatched(const Type& type, const Json* touched, const Json& value, std::string& out) {
  if (value.is_number_float()) return AppendFraction(value.get<double>(), out);
  if (touched == nullptr || !touched->is_object() || !value.is_object()) {
    return AppendValue(type, value, out);
  }
  out += '{';
  bool first = true;
  for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
    if (!first) out += ',';
    first = false;
    AppendJsonString(name, out);
    out += ':';
    const Field* field = type.shape == Shape::kStruct ? type.Find(name) : nullptr;
    const Type* below = field != nullptr ? field->type : type.element;
    const auto inner = touched->find(name);
    if (below == nullptr) {
      AppendJson(member, out);
    } else {
      AppendPatched(*below, inner == touched->end() ? nullptr : &*inner, member, out);
    }
  }
  out += '}';
}

}  // namespace

Result<JsonPatch> ParseJsonPatch(std::string_view text, bool strict) {
  JsonReader in(text);
  JsonPatch patch;
  size_t count = 0;
  std::string why;
  const auto mismatch = [&](JsonToken found, const char* type) {
    if (!why.empty() || found == JsonToken::kNull || found == JsonToken::kError) return;
    why = CannotUnmarshal(found) + "value of type " + type;
  };
  const JsonToken token = in.Next();
  if (token == JsonToken::kArray) {
    for (; in.NextItem(); ++count) {
      const JsonToken item = in.Next();
      if (item == JsonToken::kObject && count < kPatchOperationsMax) {
        std::string misfit;  // The library alone takes it.
        ReadOperation(in, count, patch, misfit);
        if (strict && why.empty()) why = std::move(misfit);
        continue;
      }
      in.SkipEntered(item);
      if (item == JsonToken::kObject) continue;  // Too many: counted alone.
      if (item == JsonToken::kNull && count < kPatchOperationsMax) {
        patch.operations.push_back({.op = "unknown"});
      }
      mismatch(item, strict ? "handlers.jsonPatchOp" : "jsonpatch.Operation");
    }
  } else {
    in.SkipEntered(token);
    mismatch(token, strict ? "[]handlers.jsonPatchOp" : "jsonpatch.Patch");
  }
  in.Finish();
  // The library keeps the text of a value; who reads the object meets the number all the same.
  if (why.empty()) why = in.Misfit("value");
  if (in.failed()) why = in.error();
  if (!why.empty() && strict) return CannotDecode(why);
  if (!why.empty()) return Fail(Reason::kBadRequest, std::move(why));
  if (count > kPatchOperationsMax) {
    return Fail(Reason::kRequestEntityTooLarge,
                "Request entity too large: The allowed maximum operations in a JSON patch is " +
                    std::to_string(kPatchOperationsMax) + ", got " +
                    std::to_string(count));
  }
  return patch;
}

Result<MergePatch> ParseMergePatch(std::string_view text) {
  JsonReader in(text);
  MergePatch patch;
  const JsonToken token = in.Next();
  bool repeats_keys = false;
  patch.patch = ReadJson(in, token, repeats_keys);
  in.Finish();
  if (in.failed()) return CannotDecode(in.error());
  if (const std::string misfit = in.Misfit("value"); !misfit.empty()) return CannotDecode(misfit);
  if (token == JsonToken::kNull) return Fail(Reason::kBadRequest, "Invalid JSON Patch");
  if (token != JsonToken::kObject) {
    return CannotDecode(CannotUnmarshal(token) + "value of type map[string]interface {}");
  }
  if (repeats_keys) patch.strict_errors = FindDuplicates(text);
  return patch;
}

std::vector<std::string> FindDuplicates(std::string_view text) {
  JsonReader first(text);
  std::vector<size_t> keys;
  if (!MayRepeatKeys(first, first.Next(), keys)) return {};
  FoundDuplicates found;
  JsonReader in(text);
  std::string path;
  Duplicates(in, in.Next(), path, found);
  return found.Take();
}

std::string PatchedText(const Type& type, const Json& touched, const Json& patched) {
  if (type.ops == nullptr) return DumpJson(patched);
  std::string out;
  AppendPatched(type, &touched, patched, out);
  return out;
}

void AppendPatchedJson(const Json& patched, std::string& out) {
  if (patched.is_number_float()) return AppendFraction(patched.get<double>(), out);
  if (!patched.is_structured()) return AppendJson(patched, out);
  char before = patched.is_object() ? '{' : '[';
  if (patched.empty()) out += before;
  if (patched.is_array()) {
    for (const Json& item : patched.get_ref<const Json::array_t&>()) {
      out += std::exchange(before, ',');
      AppendPatchedJson(item, out);
    }
    out += ']';
    return;
  }
  for (const auto& [key, member] : patched.get_ref<const Json::object_t&>()) {
    out += std::exchange(before, ',');
    AppendJsonString(key, out);
    out += ':';
    AppendPatchedJson(member, out);
  }
  out += '}';
}

Error UnfitPatch(const std::string& value, const std::string& why) {
  const std::string text = "Invalid value: " + GoQuote(value) + ": " + why;
  Error error{.reason = Reason::kInvalid, .message = " \"\" is invalid: patch: " + text};
  error.causes.push_back({"FieldValueInvalid", text, "patch"});
  error.details = ErrorDetails{};
  return error;
}

namespace {

// What replaces something else loses its nulls, in objects of lists too.
void DropNulls(Json& value) {
  if (value.is_array()) {
    for (Json& item : value) DropNulls(item);
  }
  if (!value.is_object()) return;
  auto& members = value.get_ref<Json::object_t&>();
  std::erase_if(members, [](const auto& member) { return member.second.is_null(); });
  for (auto& [name, member] : members) DropNulls(member);
}

void MergeInto(Json& target, const Json& patch) {
  if (!patch.is_object() || !target.is_object()) {
    // The library looks into the patch only where it finds no object.
    const bool kept = target.is_object();
    target = patch;
    if (!kept) DropNulls(target);
    return;
  }
  auto& members = target.get_ref<Json::object_t&>();
  for (const auto& [name, value] : patch.get_ref<const Json::object_t&>()) {
    if (value.is_null()) {
      members.erase(name);
    } else {
      MergeInto(members[name], value);
    }
  }
}

}  // namespace

Json ApplyMergePatch(const Json& patch, Json document) {
  MergeInto(document, patch);
  return document;
}

namespace {

// Without the blanks outside of strings.
void AppendCompact(std::string_view text, std::string& out) {
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) continue;
    out += c;
    if (in_string && c == '\\' && i + 1 < text.size()) out += text[++i];
    if (c == '"') in_string = !in_string;
  }
}

// A value as text, and the values in it where the patch goes into it: read once, however deep.
struct RawPart {
  std::string_view text;
  std::map<std::string, RawPart> members;
};

RawPart ReadPart(JsonReader& in, const Json* touched) {
  RawPart part;
  const JsonToken token = in.Next();
  const size_t begin = in.begin();
  if (touched != nullptr && touched->is_object() && token == JsonToken::kObject) {
    std::string_view key;
    while (in.NextKey(key)) {
      const std::string name(key);
      const auto child = touched->find(name);
      part.members[name] = ReadPart(in, child == touched->end() ? nullptr : &*child);
    }
  } else {
    in.SkipEntered(token);
  }
  part.text = in.text().substr(begin, in.position() - begin);
  return part;
}

void AppendPatched(const RawPart& before, const Json* touched, const Json& patched,
                   std::string& out) {
  if (touched == nullptr) return AppendCompact(before.text, out);
  if (!touched->is_object() || !patched.is_object()) {
    // A patch that only looks at a value leaves it as it is.
    const auto parsed = ParseJson(before.text);
    if (touched->is_null() && parsed && *parsed == patched) {
      return AppendCompact(before.text, out);
    }
    return AppendJson(patched, out);
  }
  out += '{';
  bool first = true;
  for (const auto& [key, value] : patched.items()) {
    if (!first) out += ',';
    first = false;
    AppendJsonString(key, out);
    out += ':';
    const auto member = before.members.find(key);
    const auto child = touched->find(key);
    if (member == before.members.end()) {
      AppendJson(value, out);
    } else {
      AppendPatched(member->second, child == touched->end() ? nullptr : &*child, value, out);
    }
  }
  out += '}';
}

}  // namespace

std::string PatchedRawText(std::string_view before, const Json* touched, const Json& patched) {
  JsonReader in(before);
  std::string out;
  AppendPatched(ReadPart(in, touched), touched, patched, out);
  return out;
}

}  // namespace skiff
