// What a request asks for, read from its URL and method alone: before anybody is authenticated and
// whether or not the resource exists. These are the words by which a request that leads nowhere is
// authorized; whether it leads anywhere is said by the table of routes (routes.h).
//
//   GET    /api/v1/namespaces/a/pods          list   pods in a
//   GET    /apis/apps/v1/deployments?watch=1  watch  deployments.apps everywhere
//   PATCH  /api/v1/nodes/n/status             patch  nodes/status n
//   DELETE /api/v1/namespaces/a/pods          deletecollection
//   GET    /api/v1/watch/namespaces/a/pods/p  watch  pods p in a (the old way)
//   PUT    /api/v1/watch/namespaces/a/pods/p  watch  pods p in a (leads nowhere)
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
  // Segments after the subresource: what a proxy passes on. Of very many the last ones are one.
  std::vector<std::string> rest;
  // Segments from the resource on: 1 for a collection, 2 for an object, 3 for a subresource.
  size_t depth = 0;
  // The resource stands below /namespaces/<namespace>/. Not so for a namespace itself, although
  // `namespace_name` is its name.
  bool below_namespace = false;
  // The path has "watch" or "proxy" after the version, which is then the verb, whatever the method.
  bool legacy_watch = false;
  bool legacy_proxy = false;
  // `name` comes from a field selector on metadata.name, not from the path.
  bool name_from_selector = false;
  // Of list, watch (but the old way) and deletecollection; as it was sent.
  std::string field_selector;
  std::string label_selector;  // Likewise.
  // Not empty: the path names a verb and nothing else, so that nobody can be asked whether it is
  // allowed. This is what is wrong.
  std::string unreadable;

  // The verb changes nothing.
  bool IsReadOnly() const { return verb == "get" || verb == "list" || verb == "watch"; }
};

// As kube-apiserver: what may last for ever, so that no time of its own ends it.
bool IsLongRunning(const RequestInfo& info);

RequestInfo ParseRequestInfo(const http::Request& request);

// Go's reading of a boolean query parameter in list options: false, 0 (any case) are false.
bool QueryIsTrue(std::string_view value);

}  // namespace skiff
