// What the operations of a JSON patch do to a document, with all that the library forgives and the
// words in which it says what it does not.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "api/codec/json.h"
#include "api/patch/patch.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

tl::unexpected<Error> Cannot(std::string why) {
  return Fail(Reason::kInvalid, std::move(why));
}

// `result`, of whose error is said what it is about.
template <typename T>
Result<T> About(std::string_view what, std::string_view path, Result<T> result) {
  if (result) return result;
  return Cannot(fmt::format("{}: '{}': {}", what, path, result.error().message));
}

tl::unexpected<Error> NoPath(std::string_view operation, std::string_view path) {
  return Cannot(fmt::format("{} operation does not apply: doc is missing {}: missing value",
                            operation, path));
}

tl::unexpected<Error> TestFailed(const std::string& path) {
  return Cannot(fmt::format("testing value {} failed: test failed", path));
}

// One segment of a JSON pointer, unescaped.
std::string UnescapeSegment(std::string_view segment) {
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

// What follows the first slash, which the library takes for the beginning of a path.
std::optional<std::string_view> SegmentsIn(std::string_view path) {
  const size_t slash = path.find('/');
  if (slash == path.npos) return std::nullopt;
  return path.substr(slash + 1);
}

Result<int64_t> ReadIndex(std::string_view text) {
  const auto index = GoInt(text, "Atoi");
  if (!index) return Cannot(index.error().message);
  return *index;
}

// Where among `size` places an index leads; negative ones count from the end.
Result<size_t> PlaceOf(int64_t index, size_t size) {
  const auto places = static_cast<int64_t>(size);
  if (index >= places || index < -places) {
    return Cannot(
        fmt::format("Unable to access invalid index: {}: invalid index referenced", index));
  }
  return static_cast<size_t>(index < 0 ? index + places : index);
}

// Where a path leads: the object or list, and the last segment.
struct Target {
  Json* parent = nullptr;  // nullptr: there is no such place.
  std::string name;
};

// The value there; nullptr where an object has none, which the library takes for null.
Result<Json*> LookUp(const Target& at) {
  if (at.parent->is_object()) {
    const auto found = at.parent->find(at.name);
    return found == at.parent->end() ? nullptr : &*found;
  }
  const int64_t index = TRY(ReadIndex(at.name));
  const size_t place = TRY(PlaceOf(index, at.parent->size()));
  return &(*at.parent)[place];
}

Target Resolve(Json& document, std::string_view path) {
  auto rest = SegmentsIn(path);
  Json* at = &document;
  while (rest && at->is_structured()) {
    Target target{at, UnescapeSegment(rest->substr(0, rest->find('/')))};
    rest = SegmentsIn(*rest);
    if (!rest) return target;
    const auto next = LookUp(target);
    if (!next || *next == nullptr) return {};
    at = *next;
  }
  return {};
}

int SegmentsOf(std::string_view path) {
  return static_cast<int>(std::count(path.begin(), path.end(), '/'));
}

// The library compares scalars by their text: 1 is not 1.0, nor is a character its escape. So where
// a patch has something to compare, all scalars but null are strings while it works, which hold
// their texts: those of the document as Go writes it, the others as they were sent.
std::string TextOfScalar(const Json& value) {
  std::string text = GoJson(value);
  // Only text that is kept as it was has such a number; Go itself would write 1.
  const bool looks_whole = text.find_first_of(".e") == text.npos;
  if (value.is_number_float() && looks_whole) text += ".0";
  return text;
}

void ToTexts(Json& value) {
  if (value.is_structured()) {
    for (Json& member : value) ToTexts(member);
  } else if (!value.is_null()) {
    value = TextOfScalar(value);
  }
}

void FromTexts(Json& value) {
  if (value.is_structured()) {
    for (Json& member : value) FromTexts(member);
  } else if (!value.is_null()) {
    value = ParseJson(value.get<std::string>()).value_or(Json());
  }
}

// Of text that was read already.
Json ReadTexts(JsonReader& in, JsonToken token) {
  if (token == JsonToken::kObject) {
    Json value = Json::object();
    std::string_view key_view;
    while (in.NextKey(key_view)) {
      const std::string key(key_view);
      value[key] = ReadTexts(in, in.Next());
    }
    return value;
  }
  if (token == JsonToken::kArray) {
    Json value = Json::array();
    while (in.NextItem()) value.push_back(ReadTexts(in, in.Next()));
    return value;
  }
  if (token == JsonToken::kNull) return nullptr;
  return std::string(in.text().substr(in.begin(), in.position() - in.begin()));
}

// The operations of one patch, one after another, and the account of what they cost: each of them
// is cheap to write down, and may be dear to perform.
class JsonPatcher {
 public:
  explicit JsonPatcher(const JsonPatch& patch, Json document)
      : document_(std::move(document)),
        depth_(DepthOf(document_, kJsonDepthMax + 1)),
        has_texts_(std::any_of(patch.operations.begin(), patch.operations.end(),
                               [](const auto& operation) { return operation.op == "test"; })) {
    if (has_texts_) ToTexts(document_);
  }

  Result<> Perform(const PatchOperation& operation) {
    if (!has_texts_ || operation.value.is_null()) return PerformWith(operation);
    PatchOperation by_texts = operation;
    JsonReader in(operation.value_text);
    by_texts.value = ReadTexts(in, in.Next());
    return PerformWith(by_texts);
  }
  Json Take() {
    if (has_texts_) FromTexts(document_);
    return std::move(document_);
  }

 private:
  Result<> PerformWith(const PatchOperation& operation) {
    if (operation.op == "add") return Add(operation);
    if (operation.op == "remove") return Remove(operation);
    if (operation.op == "replace") return Replace(operation);
    if (operation.op == "test") return Test(operation);
    if (operation.op == "move") return Move(operation);
    if (operation.op == "copy") return Copy(operation);
    return Cannot("Unexpected kind: " + operation.op);
  }
  Result<> Add(const PatchOperation& operation);
  Result<> Remove(const PatchOperation& operation);
  Result<> Replace(const PatchOperation& operation);
  Result<> Test(const PatchOperation& operation);
  Result<> Move(const PatchOperation& operation);
  Result<> Copy(const PatchOperation& operation);

  Result<> Put(const Target& to, Json value);
  Result<> Drop(const Target& at);
  // Whether the document may still be walked by what recurses, now that something `depth` deep has
  // come to stand at `path`.
  Result<> Fits(std::string_view path, int depth);
  Result<> Shift(size_t items);
  size_t SizeOf(Json value) const {
    if (has_texts_) FromTexts(value);
    return DumpJson(value).size();
  }

  Json document_;
  int depth_;         // The document is at most so deep.
  const bool has_texts_;
  int measured_ = 0;  // How often that was found out anew.
  size_t copied_ = 0;
  size_t shifted_ = 0;
};

Result<> JsonPatcher::Fits(std::string_view path, int depth) {
  depth_ = std::max(depth_, SegmentsOf(path) + depth);
  if (depth_ <= kJsonDepthMax) return {};
  if (++measured_ <= kPatchMeasuresMax) depth_ = DepthOf(document_, kJsonDepthMax + 1);
  if (depth_ <= kJsonDepthMax) return {};
  return Cannot("exceeded max depth");
}

// Items behind one that comes or goes move by a place.
Result<> JsonPatcher::Shift(size_t items) {
  shifted_ += items;
  if (shifted_ <= kPatchShiftsMax) return {};
  return Cannot(
      fmt::format("the operations move more than {} items of lists", kPatchShiftsMax));
}

Result<> JsonPatcher::Put(const Target& to, Json value) {
  if (to.parent->is_object()) {
    (*to.parent)[to.name] = std::move(value);
    return {};
  }
  auto& items = to.parent->get_ref<Json::array_t&>();
  size_t place = items.size();
  if (to.name != "-") {
    const auto index = ReadIndex(to.name);
    if (!index) {
      return Cannot(fmt::format("value was not a proper array index: '{}': {}", to.name,
                                index.error().message));
    }
    place = TRY(PlaceOf(*index, items.size() + 1));  // -1 is behind the last item.
  }
  TRY(Shift(items.size() - place));
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(place), std::move(value));
  return {};
}

Result<> JsonPatcher::Drop(const Target& at) {
  if (at.parent->is_object()) {
    if (at.parent->erase(at.name) == 1) return {};
    return Cannot(fmt::format("Unable to remove nonexistent key: {}: missing value", at.name));
  }
  const int64_t index = TRY(ReadIndex(at.name));
  const size_t place = TRY(PlaceOf(index, at.parent->size()));
  TRY(Shift(at.parent->size() - place));
  at.parent->erase(place);
  return {};
}

Result<> JsonPatcher::Add(const PatchOperation& operation) {
  if (!operation.path_error.empty()) {
    return Cannot("add operation failed to decode path: missing value");
  }
  const Target to = Resolve(document_, operation.path);
  if (to.parent == nullptr) return NoPath("add", "path: \"" + operation.path + '"');
  TRY(About("error in add for path", operation.path, Put(to, operation.value)));
  return Fits(operation.path, DepthOf(operation.value, kJsonDepthMax + 1));
}

Result<> JsonPatcher::Remove(const PatchOperation& operation) {
  if (!operation.path_error.empty()) {
    return Cannot("remove operation failed to decode path: missing value");
  }
  const Target at = Resolve(document_, operation.path);
  if (at.parent == nullptr) return NoPath("remove", "path: \"" + operation.path + '"');
  return About("error in remove for path", operation.path, Drop(at));
}

Result<> JsonPatcher::Replace(const PatchOperation& operation) {
  if (!operation.path_error.empty()) {
    return Cannot("replace operation failed to decode path: " + operation.path_error);
  }
  const int depth = DepthOf(operation.value, kJsonDepthMax + 1);
  if (operation.path.empty()) {
    if (!operation.value.is_structured()) {
      // The library wraps an error that it does not have.
      return Cannot("replace operation value must be object or array: %!w(<nil>)");
    }
    document_ = operation.value;
    return Fits("", depth);
  }
  const Target to = Resolve(document_, operation.path);
  if (to.parent == nullptr) return NoPath("replace", "path: " + operation.path);
  const auto value = LookUp(to);
  if (!value) return NoPath("replace", "key: " + operation.path);
  // Also a key that is not there yet.
  (*value == nullptr ? (*to.parent)[to.name] : **value) = operation.value;
  return Fits(operation.path, depth);
}

Result<> JsonPatcher::Test(const PatchOperation& operation) {
  if (!operation.path_error.empty()) {
    return Cannot("test operation failed to decode path: " + operation.path_error);
  }
  if (operation.path.empty()) {
    if (document_ == operation.value) return {};
    return TestFailed(operation.path);
  }
  const Target at = Resolve(document_, operation.path);
  if (at.parent == nullptr) {
    return Cannot(fmt::format("test operation does not apply: is missing path: {}: missing value",
                              operation.path));
  }
  const Json* value = TRY(About("error in test for path", operation.path, LookUp(at)));
  if (value == nullptr ? operation.value.is_null() : *value == operation.value) return {};
  return TestFailed(operation.path);
}

Result<> JsonPatcher::Move(const PatchOperation& operation) {
  if (!operation.from_error.empty()) {
    return Cannot("move operation failed to decode from: " + operation.from_error);
  }
  const Target from = Resolve(document_, operation.from);
  if (from.parent == nullptr) return NoPath("move", "from path: " + operation.from);
  Json* found = TRY(About("error in move for path", from.name, LookUp(from)));
  Json value = found == nullptr ? Json() : std::move(*found);
  const int depth = std::max(depth_ - SegmentsOf(operation.from), 0);
  TRY(About("error in move for path", from.name, Drop(from)));
  if (!operation.path_error.empty()) {
    return Cannot("move operation failed to decode path: " + operation.path_error);
  }
  const Target to = Resolve(document_, operation.path);
  if (to.parent == nullptr) return NoPath("move", "destination path: " + operation.path);
  TRY(About("error in move for path", operation.path, Put(to, std::move(value))));
  return Fits(operation.path, depth);
}

// What an object does not have is copied as null.
Result<> JsonPatcher::Copy(const PatchOperation& operation) {
  if (!operation.from_error.empty()) {
    return Cannot("copy operation failed to decode from: " + operation.from_error);
  }
  const Target from = Resolve(document_, operation.from);
  if (from.parent == nullptr) return NoPath("copy", "from path: " + operation.from);
  const Json* found = TRY(About("error in copy for from", operation.from, LookUp(from)));
  if (!operation.path_error.empty()) {
    return Cannot("copy operation failed to decode path: missing value");
  }
  const Target to = Resolve(document_, operation.path);
  if (to.parent == nullptr) return NoPath("copy", "destination path: " + operation.path);
  if (found != nullptr && !found->is_null()) copied_ += SizeOf(*found);
  if (copied_ > kPatchCopyBytesMax) {
    return Cannot(fmt::format("Unable to complete the copy, the accumulated size increase of copy "
                              "is {}, exceeding the limit {}",
                              copied_, kPatchCopyBytesMax));
  }
  Json value = found == nullptr ? Json() : *found;
  const int depth = DepthOf(value, kJsonDepthMax + 1);
  const auto put = Put(to, std::move(value));
  if (!put) {
    return Cannot("error while adding value during copy: " + put.error().message);
  }
  return Fits(operation.path, depth);
}

}  // namespace

Result<Json> ApplyJsonPatch(const JsonPatch& patch, Json document) {
  JsonPatcher patcher(patch, std::move(document));
  for (const PatchOperation& operation : patch.operations) TRY(patcher.Perform(operation));
  return patcher.Take();
}

Json TouchedBy(const JsonPatch& patch) {
  Json touched = Json::object();
  for (const PatchOperation& operation : patch.operations) {
    Json* at = &touched;
    for (auto rest = SegmentsIn(operation.path); rest && at->is_object();) {
      at = &(*at)[UnescapeSegment(rest->substr(0, rest->find('/')))];
      rest = SegmentsIn(*rest);
      if (rest && at->is_null()) *at = Json::object();
    }
  }
  return touched;
}

}  // namespace skiff
