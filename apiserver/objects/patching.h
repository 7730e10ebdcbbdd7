// PATCH: what the four kinds of patch make of an object.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/codec/struct_text.h"
#include "apiserver/objects/object.h"
#include "apiserver/request/request_context.h"
#include "apiserver/request/write_options.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

// One PATCH request; applied again whenever the object has changed meanwhile.
struct Patcher {
  ApiRequest& request;
  const WriteOptions& options;
  std::string subresource;
  TimePoint now;

  Result<Object> Apply(const Object& old) const;
  // The object that an apply makes where there is none.
  Result<Object> Make() const;
};

// Rules::inconvertible of a struct of that built-in kind.
std::string InconvertibleText(const KindInfo& kind, const void* object);

// The patch applied to a document of `type`, as the API shows it, and read into `object`, a fresh
// struct: also for Scale. Not for apply.
struct PatchedKind {
  const Type& type;
  std::string_view api_version;
  std::string_view kind;
  std::string (*inconvertible)(const void* object) = nullptr;  // As in Rules, of an object so read.
  bool is_alone = false;                                       // As in WantedType.
};
// Fields of an object that are kept as text, by their names.
using RawTexts = std::map<std::string, std::string>;
Result<TextNotes> PatchInto(ApiRequest& request, const WriteOptions& options,
                            const PatchedKind& kind, const Json& document, void* object,
                            const RawTexts& raw = {});

// Fields of `to` that are kept as text get that of `from` where they say the same: what has gone
// through a document has its keys sorted, and numbers may be rounded.
void KeepRawTexts(const Object& from, Object& to);

}  // namespace skiff
