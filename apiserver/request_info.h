// What a request asks for, read from its URL and method alone: before anybody is authenticated and
// whether or not the resource exists.
//
//   GET    /api/v1/namespaces/a/pods          list   pods in a
//   GET    /apis/apps/v1/deployments?watch=1  watch  deployments.apps everywhere
//   PATCH  /api/v1/nodes/n/status             patch  nodes/status n
//   DELETE /api/v1/namespaces/a/pods          deletecollection
//   GET    /api/v1/watch/namespaces/a/pods/p  watch  pods p in a (the old way)
//   GET    /healthz                           get    /healthz (not a resource)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace skiff {

struct RequestInfo {
  bool is_resource = false;
  std::string path;
  std::string verb;    // "get", "list", ...; the method in lower case when not a resource
  std::string prefix;  // "api" or "apis"; "" outside both
  std::string group;   // "" for core
  std::string version;
  std::string namespace_name;
  std::string resource;
  std::string subresource;
  std::string name;
  // Segments after the subresource: what a proxy passes on.
  std::vector<std::string> rest;
  // The path began with /watch/ after the version.
  bool legacy_watch = false;
  // `name` comes from a field selector on metadata.name, not from the path.
  bool name_from_selector = false;
  std::string field_selector;  // Of what has no name in its path; as it was sent.

  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  // The verb changes nothing.
  bool IsReadOnly() const { return verb == "get" || verb == "list" || verb == "watch"; }
};

RequestInfo ParseRequestInfo(const http::Request& request);

// Go's reading of a boolean query parameter in list options: false, 0 (any case) are false.
bool QueryIsTrue(std::string_view value);

}  // namespace skiff
