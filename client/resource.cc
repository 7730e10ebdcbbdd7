#include "client/resource.h"

#include <fmt/ranges.h>

#include "api/rules/names.h"
#include "api/text/group_version.h"

namespace skiff {
namespace {

Result<> CheckSegment(std::string_view what, std::string_view value) {
  const Messages wrong = PathSegmentErrors(value);
  if (wrong.empty()) return {};
  return Fail(Reason::kBadRequest,
              fmt::format("invalid {} \"{}\": [{}]", what, value, fmt::join(wrong, " ")));
}

}  // namespace

std::string Resource::Group() const {
  return std::string(GroupPart(api_version));
}

Result<std::string> Resource::CollectionPath(const std::string& namespace_) const {
  std::string path = (Group().empty() ? "/api/" : "/apis/") + api_version;
  if (namespaced && !namespace_.empty()) {
    TRY(CheckSegment("namespace", namespace_));
    path += "/namespaces/" + namespace_;
  }
  return path + "/" + name;
}

Result<std::string> Resource::Path(const ObjectKey& key, const std::string& subresource) const {
  if (key.name.empty()) return Fail(Reason::kBadRequest, "resource name may not be empty");
  TRY(CheckSegment("resource name", key.name));
  std::string path = TRY(CollectionPath(key.namespace_)) + "/" + key.name;
  if (!subresource.empty()) path += "/" + subresource;
  return path;
}

}  // namespace skiff
