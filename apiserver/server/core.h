// What handlers work with: the parts of one server, by reference. Made by ApiServer, which owns
// them.
#pragma once

#include "apiserver/identity/caches.h"
#include "apiserver/objects/list_answer.h"
#include "apiserver/objects/remover.h"
#include "apiserver/objects/writer.h"
#include "apiserver/watches/watch.h"

namespace skiff {

class Authentication;
class Authorizer;
class ComponentStatuses;
class RbacAuthorizer;
class ServiceAccountTokens;
struct NodeConnections;

struct Core {
  Store& store;
  const Clock& clock;
  Random& random;
  Caches& caches;
  const AdmissionChain& admission;
  ObjectWriter& writer;
  ObjectRemover& remover;
  Authorizer& authorizer;
  RbacAuthorizer& rbac;
  Authentication& authentication;
  ServiceAccountTokens& tokens;
  bool has_rbac;                           // An authorization mode.
  const NodeConnections* nodes = nullptr;  // nullptr: kubelets cannot be reached.
  WatchJobLoop* watch_pages = nullptr;
  WatchJobLoop* watch_frames = nullptr;
  OutboundPool* outbound = nullptr;
  ListJobs* list_jobs = nullptr;
  const ComponentStatuses* components = nullptr;
  Duration watch_time_min = kWatchTimeMin;
  WatchCounts* watch_counts = nullptr;

  WatchParts watch() const {
    return {store,        clock,    random,         watch_pages,
            watch_frames, outbound, watch_time_min, watch_counts};
  }
};

}  // namespace skiff
