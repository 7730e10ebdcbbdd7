#include "skiff/joined_node.h"

#include "client/manager.h"
#include "skiff/cluster_dns.h"
#include "skiff/node.h"
#include "skiff/ready_nodes.h"
#include "skiff/scoped_informer.h"
#include "skiff/serving_certificate.h"

namespace skiff {
namespace {

constexpr Duration kReadyTimeout = 60s;
constexpr int kThreads = 4;

ListOptions PodsOf(const std::string& node) {
  ListOptions scope;
  scope.field_selector = "spec.nodeName=" + node;
  return scope;
}

}  // namespace

struct JoinedNode::Parts {
  Parts(const NodeIdentity& identity, std::unique_ptr<Transport> given)
      : transport(std::move(given)),
        client(*transport, "skiff"),
        informers({client, clock, random}),
        pods({client, clock, random}, PodsOf(identity.node_name)),
        executor("node", kThreads),
        ready(informers.For<core_v1::Node>()) {}

  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<Transport> transport;
  Client client;
  InformerFactory informers;
  ScopedInformer<core_v1::Pod> pods;
  ThreadExecutor executor;
  ReadyNodes ready;
  std::unique_ptr<NodeDns> dns;
  std::unique_ptr<LocalNode> node;
  std::unique_ptr<ServingCertificate> serving;
};

Result<std::unique_ptr<JoinedNode>> JoinedNode::Start(const ClusterOptions& options,
                                                      const NodeIdentity& identity,
                                                      const Progress& progress) {
  auto transport = TRY(MakeHttpsTransport(HttpsOptionsOf(identity)));
  auto parts = std::make_unique<Parts>(identity, std::move(transport));
  std::unique_ptr<JoinedNode> joined(new JoinedNode(std::move(parts)));
  Parts& made = *joined->parts_;
  made.serving = std::make_unique<ServingCertificate>(
      CertificateOffice{made.client, made.clock, made.random},
      ServingCertificate::Options{options.data_dir, identity.node_name, NodeAddress()},
      [&made, authority = identity.authority_pem](const KeyPair& shown) {
        const auto reloaded =
            made.node->ReloadTls({shown.certificate_pem, shown.key_pem, authority});
        if (!reloaded) {
          Log("kubelet").Error("certificate not shown", {{"error", reloaded.error().message}});
        }
      });
  const KeyPair first = TRY(made.serving->Initial());
  made.dns = TRY(NodeDns::Start(
      options, {*made.transport, made.informers, made.clock, made.random, made.executor}));
  made.node = TRY(LocalNode::Start(
      options,
      {*made.transport, made.informers, made.pods.informer(), made.clock, made.random,
       http::ServerTls{first.certificate_pem, first.key_pem, identity.authority_pem}},
      progress));
  made.pods.Start(made.executor);
  made.serving->requests().Start(made.executor);
  made.executor.Add(*made.serving);
  progress("waiting for the node to be ready");
  if (!made.ready.WaitForNode(identity.node_name, kReadyTimeout)) {
    return Fail(Reason::kTimeout,
                "the node did not become Ready within a minute; its conditions say why: skiff "
                "describe node " +
                    identity.node_name);
  }
  return joined;
}

JoinedNode::JoinedNode(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

JoinedNode::~JoinedNode() {
  Parts& parts = *parts_;
  if (parts.serving) {
    parts.executor.Remove(*parts.serving);
    parts.serving->requests().Stop();
  }
  // They tell the node of changes.
  parts.pods.Stop();
  parts.informers.Stop();
  parts.node.reset();
  parts.dns.reset();
}

}  // namespace skiff
