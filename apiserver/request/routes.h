// The one table of what is served: each path of each kind, with the methods it takes, the verb that
// each is authorized as, and what then answers. It is made from a set of kinds, those that
// discovery lists, so that what is listed, authorized, admitted, counted and served is one entry.
//
//   path                                  methods           verbs
//   /api/v1/namespaces/{ns}/pods          GET POST DELETE   list watch create deletecollection
//   /api/v1/pods                          GET               list watch
//   /api/v1/namespaces/{ns}/pods/{name}   GET PUT PATCH...  get update patch delete
//   .../pods/{name}/log                   GET               get
//   .../pods/{name}/proxy[/{rest}]        all seven         get create update patch delete ""
//   /api/v1/watch/pods, .../pods/{name}   GET               watch
//
// A request that is not in the table is authorized by its own words (request_info.h), so that
// whoever may not is told so before anything else, and then reaches no handler.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "api/registry.h"
#include "apiserver/auth/authorizer.h"
#include "apiserver/request/request_context.h"
#include "apiserver/server/core.h"
#include "base/error.h"
#include "base/shared_list.h"
#include "http/message.h"

namespace skiff {

using Handler = Result<http::Response> (*)(Core& core, ApiRequest& request);

enum class PathForm : uint8_t {
  kCollection,        // Of a namespace, or of a kind that has none.
  kEverywhere,        // A namespaced kind without a namespace.
  kObject,
  kSubresource,
  kBelowSubresource,  // What a proxy passes on.
  kWatchCollection,
  kWatchEverywhere,
  kWatchObject,
};

struct Route {
  const KindInfo* kind = nullptr;
  const Subresource* subresource = nullptr;  // nullptr: the object itself.
  PathForm form = PathForm::kCollection;
  std::string_view method;  // "GET"
  std::string_view verb;    // As it is authorized; "" for OPTIONS.
  std::string_view label;   // What metrics call it: "LIST".
  Handler handle = nullptr;
  // Of updates through a subresource: how they differ. nullptr: they do not.
  const UpdateMode* mode = nullptr;
  // Opens a connection to something else; admitted as CONNECT.
  bool connects = false;
};

// What of a request's path the table knows.
struct RouteMatch {
  enum class Found : uint8_t {
    kNoGroup,     // Nothing of the kind is served.
    kNoPath,      // The group is known, the path is not.
    kNoSubresource,  // The same, of a kind made at run time, whose object is known.
    kNoMethod,    // The path is known, but not with this method.
    kNoVerb,      // The collection can be listed, but not watched.
    kEmptyName,   // The path has a place for a name, and nothing is there.
    kEmptySpace,  // The same of a namespace.
    kRoute,
  };
  Found found = Found::kNoGroup;
  const KindInfo* kind = nullptr;  // Where the path is known.
  const Route* route = nullptr;    // Of kRoute alone.
};

// All paths of one kind, which outlives it. Thread-safe: they are made when somebody first asks for
// the kind, as of most definitions nobody does.
class KindRoutes {
 public:
  explicit KindRoutes(const KindInfo& kind) : kind_(kind) {}
  const KindInfo& kind() const { return kind_; }
  std::span<const Route> routes() const;

 private:
  const KindInfo& kind_;
  mutable std::once_flag once_;
  mutable std::vector<Route> routes_;
};

// Immutable, so any thread may look. The kinds outlive it.
class RouteTable {
 public:
  explicit RouteTable(std::vector<const KindInfo*> kinds);
  // That of a KindSet which was made of the one that `before` is of, by the same change.
  RouteTable(const RouteTable& before, const KindSet& kinds, const RuntimeKinds& gone,
             const RuntimeKinds& added);

  // In discovery order.
  std::span<const KindInfo* const> kinds() const { return kinds_; }
  RouteMatch Find(const RequestInfo& info, std::string_view method) const;
  std::span<const Route> RoutesOf(const KindInfo& kind) const;
  bool HasGroup(std::string_view group) const;

 private:
  using KindRoutesPtr = std::shared_ptr<const KindRoutes>;
  struct InOrder {
    bool operator()(const KindRoutesPtr& a, const KindRoutesPtr& b) const;
  };
  void Add(const KindInfo& kind);
  const KindRoutes* At(std::string_view group, std::string_view version,
                       std::string_view resource) const;

  std::vector<const KindInfo*> kinds_;
  SharedList<KindRoutesPtr, InOrder> by_address_;  // By group, version and resource.
};

// What the request is authorized as: its route's own verb and resource, else its words.
Access AccessOf(const RequestInfo& info, const RouteMatch& match);

// The answer to a request that has no route, for whoever may ask.
Result<http::Response> NoRouteResponse(const RouteMatch& match, ApiRequest& request);

// Checks what is checked of every object's request, admits what connects, and calls the route's
// handler.
Result<http::Response> Serve(Core& core, ApiRequest& request);

}  // namespace skiff
