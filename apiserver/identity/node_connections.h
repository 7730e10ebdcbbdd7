// How the server reaches kubelets and pods: for logs, commands, forwarded ports and proxying.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "apiserver/objects/object_cache.h"
#include "http/loop.h"
#include "http/tls.h"
#include "http/tunnel.h"

namespace skiff {

struct NodeConnections {
  http::Loops& loops;
  // With the server's own client certificate; what is put here holds for new connections.
  std::atomic<http::TlsContext> kubelet_tls;
  // The socket that answers for a simulated node and its pods; "" for nodes that are machines.
  std::function<std::string(const std::string& node)> socket_of_simulated = {};
  // What a kubelet may take until it begins to answer a part of this process, whose thread waits.
  Duration own_head_timeout = 10s;

  // Leads there what would have gone to the node or its pods. The host stays: it tells which.
  void Divert(const std::string& node, http::Upstream& upstream) const;
};

// The kubelet of that node, over TLS. Fails when the node is unknown or has no address.
Result<http::Upstream> KubeletOf(Store& store, const NodeConnections& connections,
                                 const std::string& node);

// What listens beside the kubelet on its machine, by the port that a client names; "" and its own
// port are the kubelet. Whatever else it is, it is not shown who this server is: a right to that
// port alone is none to the kubelet.
http::Upstream BesideKubelet(http::Upstream kubelet, const std::string& port);

// One stored object, decoded; NotFound in the API's words.
template <Kind K>
Result<std::shared_ptr<const K>> ReadTyped(Store& store, const std::string& namespace_name,
                                           const std::string& name);

}  // namespace skiff

#include "api/codec/struct_text.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"

namespace skiff {

template <Kind K>
Result<std::shared_ptr<const K>> ReadTyped(Store& store, const std::string& namespace_name,
                                           const std::string& name) {
  const auto record = store.Get(KeyOf(K::Info(), namespace_name, name));
  if (!record && record.error().reason == Reason::kNotFound) {
    return Fail(NotFoundError(GroupResourceOf(K::Info()), name));
  }
  if (!record) return tl::unexpected(record.error());
  const ObjectView view = TRY(ObjectView::Of(**record));
  auto object = std::make_shared<K>();
  TRY(DecodeStruct(K::Describe(), view.body(), FieldValidation::kIgnore, object.get()));
  return object;
}

}  // namespace skiff
