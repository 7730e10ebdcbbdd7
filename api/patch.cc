#include "api/patch.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "api/decode.h"
#include "api/go_text.h"
#include "api/json.h"

namespace skiff {
namespace {

tl::unexpected<Error> Rejected() {
  Error error{.reason = Reason::kInvalid,
              .message = "the server rejected our request due to an error in our request"};
  error.details = ErrorDetails{};
  return Fail(std::move(error));
}

const char* FoundName(JsonToken token) {
  switch (token) {
    case JsonToken::kBool:
      return "bool";
    case JsonToken::kNumber:
      return "number";
    case JsonToken::kString:
      return "string";
    case JsonToken::kObject:
      return "object";
    default:
      return "array";
  }
}

tl::unexpected<Error> CannotDecode(const std::string& why) {
  return Fail(Reason::kBadRequest, "error decoding patch: " + why);
}

// One segment of a JSON pointer, unescaped.
std::string Unescape(std::string_view segment) {
  std::string out;
  for (size_t i = 0; i < segment.size(); ++i) {
    const bool escape = segment[i] == '~' && i + 1 < segment.size();
    if (escape && (segment[i + 1] == '0' || segment[i + 1] == '1')) {
      out += segment[++i] == '0' ? '~' : '/';
    } else {
      out += segment[i];
    }
  }
  return out;
}

// An index of an existing item; negative ones count from the end. SIZE_MAX: there is none.
size_t IndexIn(const Json& list, std::string_view text, size_t size_max) {
  int64_t index = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (code != std::errc() || end != text.data() + text.size()) return SIZE_MAX;
  if (index < 0) index += static_cast<int64_t>(list.size());
  if (index < 0 || static_cast<size_t>(index) >= size_max) return SIZE_MAX;
  return static_cast<size_t>(index);
}

// Where a pointer leads: the container and the last segment.
struct Target {
  Json* parent = nullptr;  // nullptr: there is no such place.
  std::string name;
};

Json* Child(Json& parent, const std::string& name) {
  if (parent.is_object()) {
    const auto found = parent.find(name);
    return found == parent.end() ? nullptr : &*found;
  }
  if (!parent.is_array()) return nullptr;
  const size_t index = IndexIn(parent, name, parent.size());
  return index == SIZE_MAX ? nullptr : &parent[index];
}

Target Resolve(Json& document, std::string_view path) {
  if (!path.starts_with('/')) return {};
  Json* at = &document;
  while (at != nullptr) {
    path.remove_prefix(1);
    const size_t slash = path.find('/');
    std::string name = Unescape(path.substr(0, slash));
    if (slash == path.npos) return {at, std::move(name)};
    at = Child(*at, name);
    path.remove_prefix(slash);
  }
  return {};
}

// The operations of one patch, one after another, and the account of what they cost: each of them
// is cheap to write down, and may be dear to perform.
class JsonPatcher {
 public:
  explicit JsonPatcher(Json document)
      : document_(std::move(document)), depth_(DepthOf(document_, kJsonDepthMax + 1)) {}

  bool Perform(const PatchOperation& operation) {
    if (operation.op == "add") return AddValue(operation);
    if (operation.op == "remove") return Remove(Resolve(document_, operation.path));
    if (operation.op == "replace") return Replace(operation);
    if (operation.op == "test") return Test(operation);
    if (operation.op == "move") return Move(operation);
    if (operation.op == "copy") return Copy(operation);
    return false;
  }
  Json Take() { return std::move(document_); }

 private:
  bool AddValue(const PatchOperation& operation) {
    return Add(Resolve(document_, operation.path), operation.value) &&
           Fits(operation.path, DepthOf(operation.value, kJsonDepthMax + 1));
  }
  bool Add(const Target& to, Json value);
  bool Remove(const Target& at);
  bool Replace(const PatchOperation& operation);
  bool Test(const PatchOperation& operation);
  bool Move(const PatchOperation& operation);
  bool Copy(const PatchOperation& operation);
  // Whether the document may still be walked by what recurses, now that something `depth` deep has
  // come to stand at `path`.
  bool Fits(std::string_view path, int depth);
  bool Shift(size_t items);

  Json document_;
  int depth_;         // The document is at most so deep.
  int measured_ = 0;  // How often that was found out anew.
  size_t copied_ = 0;
  size_t shifted_ = 0;
};

int SegmentsOf(std::string_view path) {
  return static_cast<int>(std::count(path.begin(), path.end(), '/'));
}

bool JsonPatcher::Fits(std::string_view path, int depth) {
  depth_ = std::max(depth_, SegmentsOf(path) + depth);
  if (depth_ <= kJsonDepthMax) return true;
  if (++measured_ > kPatchMeasuresMax) return false;
  depth_ = DepthOf(document_, kJsonDepthMax + 1);
  return depth_ <= kJsonDepthMax;
}

// Items behind one that comes or goes move by a place.
bool JsonPatcher::Shift(size_t items) {
  shifted_ += items;
  return shifted_ <= kPatchShiftsMax;
}

bool JsonPatcher::Add(const Target& to, Json value) {
  if (to.parent == nullptr) return false;
  if (to.parent->is_object()) {
    (*to.parent)[to.name] = std::move(value);
    return true;
  }
  if (!to.parent->is_array()) return false;
  auto& items = to.parent->get_ref<Json::array_t&>();
  size_t index = items.size();
  if (to.name != "-") {
    // "-1" adds behind the last item, as the library counts for additions.
    index = IndexIn(*to.parent, to.name, items.size() + 1);
    if (to.name.starts_with('-') && index != SIZE_MAX) ++index;
  }
  if (index > items.size() || !Shift(items.size() - index)) return false;
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(index), std::move(value));
  return true;
}

bool JsonPatcher::Remove(const Target& at) {
  if (at.parent == nullptr || Child(*at.parent, at.name) == nullptr) return false;
  if (at.parent->is_object()) {
    at.parent->erase(at.name);
    return true;
  }
  const size_t index = IndexIn(*at.parent, at.name, at.parent->size());
  if (!Shift(at.parent->size() - index)) return false;
  at.parent->erase(index);
  return true;
}

bool JsonPatcher::Replace(const PatchOperation& operation) {
  const int depth = DepthOf(operation.value, kJsonDepthMax + 1);
  if (operation.path.empty()) {
    document_ = operation.value;
    return Fits("", depth);
  }
  const Target to = Resolve(document_, operation.path);
  if (to.parent == nullptr) return false;
  Json* value = to.parent->is_object() ? &(*to.parent)[to.name]  // Also a key not there yet.
                                       : Child(*to.parent, to.name);
  if (value == nullptr) return false;
  *value = operation.value;
  return Fits(operation.path, depth);
}

bool JsonPatcher::Test(const PatchOperation& operation) {
  if (operation.path.empty()) return document_ == operation.value;
  const Target at = Resolve(document_, operation.path);
  if (at.parent == nullptr) return false;
  const Json* value = Child(*at.parent, at.name);
  // To the library, what an object does not have is null.
  if (value == nullptr) return at.parent->is_object() && operation.value.is_null();
  return *value == operation.value;
}

bool JsonPatcher::Move(const PatchOperation& operation) {
  const Target from = Resolve(document_, operation.from);
  Json* found = from.parent == nullptr ? nullptr : Child(*from.parent, from.name);
  if (found == nullptr) return false;
  Json value = std::move(*found);
  const int depth = std::max(depth_ - SegmentsOf(operation.from), 0);
  return Remove(from) && Add(Resolve(document_, operation.path), std::move(value)) &&
         Fits(operation.path, depth);
}

bool JsonPatcher::Copy(const PatchOperation& operation) {
  const Target from = Resolve(document_, operation.from);
  const Json* found = from.parent == nullptr ? nullptr : Child(*from.parent, from.name);
  if (found == nullptr) return false;
  Json value = *found;
  copied_ += DumpJson(value).size();
  if (copied_ > kPatchCopyBytesMax) return false;
  const int depth = DepthOf(value, kJsonDepthMax + 1);
  return Add(Resolve(document_, operation.path), std::move(value)) &&
         Fits(operation.path, depth);
}

// `why`: the first field that holds no text although it should, in Go's words.
void ReadOperation(JsonReader& in, size_t index, JsonPatch& patch, std::string& why) {
  PatchOperation operation;
  std::set<std::string> seen;
  std::string_view key_view;
  while (in.NextKey(key_view)) {
    const std::string key(key_view);
    const std::string place = "\"[" + std::to_string(index) + "]." + key + "\"";
    std::string* text = key == "op"     ? &operation.op
                        : key == "path" ? &operation.path
                        : key == "from" ? &operation.from
                                        : nullptr;
    const bool known = text != nullptr || key == "value";
    const char* what = !known ? "unknown" : seen.insert(key).second ? nullptr : "duplicate";
    if (what != nullptr && patch.strict_errors.size() < kStrictErrorsMax) {
      patch.strict_errors.push_back("json patch " + std::string(what) + " field " + place);
    }
    const JsonToken token = in.Next();
    if (text != nullptr && token == JsonToken::kString) {
      *text = in.string();
    } else if (key == "value") {
      operation.has_value = true;
      operation.value = ReadJson(in, token);
      if (why.empty()) why = in.Misfit("struct field jsonPatchOp.value");
    } else {
      in.SkipEntered(token);
      const bool fits = text == nullptr || token == JsonToken::kNull || token == JsonToken::kError;
      if (fits || !why.empty()) continue;
      why = std::string("json: cannot unmarshal ") + FoundName(token) +
            " into Go struct field jsonPatchOp." + key + " of type string";
    }
  }
  patch.operations.push_back(std::move(operation));
}

// Of what is said of duplicates. Each names its path, which may be as long as the text.
constexpr size_t kDuplicatesBytesMax = 1 << 20;

struct FoundDuplicates {
  std::vector<std::string> texts;
  size_t bytes = 0;
};

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
    if (!seen.emplace(key).second && out.texts.size() < kStrictErrorsMax &&
        out.bytes < kDuplicatesBytesMax) {
      out.texts.push_back("duplicate field \"" + path + "\"");
      out.bytes += out.texts.back().size();
    }
    Duplicates(in, in.Next(), path, out);
    path.resize(length);
  }
}

// Objects that the patch went into have their keys sorted; the others keep the order of the table.
void AppendPatched(const Type& type, const Json& touched, const Json& value, std::string& out) {
  if (!touched.is_object() || !value.is_object()) return AppendValue(type, value, out);
  out += '{';
  bool first = true;
  for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
    if (!first) out += ',';
    first = false;
    AppendJsonString(name, out);
    out += ':';
    const Field* field = type.shape == Shape::kStruct ? type.Find(name) : nullptr;
    const Type* below = field != nullptr ? field->type : type.element;
    const auto inner = touched.find(name);
    if (below == nullptr) {
      AppendJson(member, out);
    } else {
      AppendPatched(*below, inner == touched.end() ? Json() : *inner, member, out);
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
    why = std::string("json: cannot unmarshal ") + FoundName(found) + " into Go value of type " +
          type;
  };
  const JsonToken token = in.Next();
  if (token == JsonToken::kArray) {
    for (; in.NextItem(); ++count) {
      const JsonToken item = in.Next();
      if (item == JsonToken::kObject && count < kPatchOperationsMax) {
        std::string misfit;  // The library alone takes it, and finds no such operation later.
        ReadOperation(in, count, patch, misfit);
        if (strict && why.empty()) why = std::move(misfit);
        continue;
      }
      in.SkipEntered(item);
      if (item == JsonToken::kObject) continue;  // Too many: counted alone.
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

Result<Json> ApplyJsonPatch(const JsonPatch& patch, Json document) {
  JsonPatcher patcher(std::move(document));
  for (const PatchOperation& operation : patch.operations) {
    if (!patcher.Perform(operation)) return Rejected();
  }
  return patcher.Take();
}

Result<MergePatch> ParseMergePatch(std::string_view text) {
  JsonReader in(text);
  MergePatch patch;
  const JsonToken token = in.Next();
  patch.patch = ReadJson(in, token);
  in.Finish();
  if (in.failed()) return CannotDecode(in.error());
  if (const std::string misfit = in.Misfit("value"); !misfit.empty()) return CannotDecode(misfit);
  if (token == JsonToken::kNull) return Fail(Reason::kBadRequest, "Invalid JSON Patch");
  if (token != JsonToken::kObject) {
    return CannotDecode(std::string("json: cannot unmarshal ") + FoundName(token) +
                        " into Go value of type map[string]interface {}");
  }
  patch.strict_errors = FindDuplicates(text);
  return patch;
}

std::vector<std::string> FindDuplicates(std::string_view text) {
  FoundDuplicates found;
  JsonReader in(text);
  std::string path;
  Duplicates(in, in.Next(), path, found);
  return std::move(found.texts);
}

Json TouchedBy(const JsonPatch& patch) {
  Json touched = Json::object();
  for (const PatchOperation& operation : patch.operations) {
    if (operation.path.empty()) continue;
    Json* at = &touched;
    std::string_view rest = std::string_view(operation.path).substr(1);
    while (true) {
      const size_t slash = rest.find('/');
      if (!at->is_object()) break;
      at = &(*at)[Unescape(rest.substr(0, slash))];
      if (slash == rest.npos) break;
      if (at->is_null()) *at = Json::object();
      rest.remove_prefix(slash + 1);
    }
  }
  return touched;
}

std::string PatchedText(const Type& type, const Json& touched, const Json& patched) {
  if (type.ops == nullptr) return DumpJson(patched);
  std::string out;
  AppendPatched(type, touched, patched, out);
  return out;
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
