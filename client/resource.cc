#include "client/resource.h"

namespace skiff {

std::string Resource::Group() const {
  const size_t slash = api_version.find('/');
  return slash == std::string::npos ? "" : api_version.substr(0, slash);
}

std::string Resource::Path(const ObjectKey& key, const std::string& subresource) const {
  std::string path = (Group().empty() ? "/api/" : "/apis/") + api_version;
  if (namespaced && !key.namespace_.empty()) path += "/namespaces/" + key.namespace_;
  path += "/" + name;
  if (!key.name.empty()) path += "/" + key.name;
  if (!subresource.empty()) path += "/" + subresource;
  return path;
}

}  // namespace skiff
