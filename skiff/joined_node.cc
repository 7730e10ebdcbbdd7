#include "skiff/joined_node.h"

#include "base/wrong_clock.h"
#include "client/manager.h"
#include "client/renewable_transport.h"
#include "client/scoped_informer.h"
#include "controllers/identity/certificate_rules.h"
#include "skiff/certificate_rotation.h"
#include "skiff/cluster_dns.h"
#include "skiff/joining.h"
#include "skiff/node.h"
#include "skiff/ready_nodes.h"
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

Result<KeyPair> ServicesOf(const std::string& directory, const NodeIdentity& identity,
                           Transport& as_node) {
  const SystemClock clock;
  SystemRandom random;
  Client client(as_node, "skiff");
  return NodeServicesAtStart(directory, identity.node_name, {client, clock, random},
                             kCertificateTimeout);
}

}  // namespace

struct JoinedNode::Parts {
  Parts(const std::string& data_dir, const NodeIdentity& identity,
        std::unique_ptr<RenewableTransport> as_node,
        std::unique_ptr<RenewableTransport> as_services)
      : clock_faults(FollowClockFaults(data_dir, identity.node_name)),
        clock(machine_clock, identity.node_name, clock_faults.get()),
        transport(std::move(as_node)),
        services_transport(std::move(as_services)),
        client(*transport, "skiff"),
        services_client(*services_transport, "skiff-node-services"),
        informers({services_client, clock, random}),
        pods({client, clock, random}, PodsOf(identity.node_name)),
        executor("node", kThreads),
        ready(informers.For<core_v1::Node>()) {}

  const SystemClock machine_clock;
  const std::unique_ptr<ClockFaults> clock_faults;
  const NodeClock clock;
  SystemRandom random;
  std::unique_ptr<RenewableTransport> transport, services_transport;
  Client client, services_client;
  InformerFactory informers;
  ScopedInformer<core_v1::Pod> pods;
  ThreadExecutor executor;
  ReadyNodes ready;
  std::unique_ptr<NodeDns> dns;
  std::unique_ptr<LocalNode> node;
  std::unique_ptr<CertificateRotation> as_client, as_services, as_server;

  void MakeRotations(const NodeIdentity& identity, const KeyPair& services,
                     const ServingFiles& files, const ShownCertificate& shown);
  void RotateServices(const NodeIdentity& identity, const KeyPair& services,
                      const std::string& directory);
};

void JoinedNode::Parts::RotateServices(const NodeIdentity& identity, const KeyPair& services,
                                       const std::string& directory) {
  const WantedCertificate wanted = NodeServicesCertificate(identity.node_name);
  // The node asks, for nobody else gets one.
  as_services = std::make_unique<CertificateRotation>(
      CertificateOffice{client, clock, random},
      CertificateRotation::Options{wanted.signer, wanted.order}, services.certificate_pem,
      [this, directory](const KeyPair& next) {
        return SaveNodeServices(directory, next).and_then([&] {
          return services_transport->Renew(next.certificate_pem, next.key_pem);
        });
      });
}

void JoinedNode::Parts::MakeRotations(const NodeIdentity& identity, const KeyPair& services,
                                      const ServingFiles& files, const ShownCertificate& shown) {
  const CertificateOffice office{client, clock, random};
  const std::string& directory = files.directory;
  const WantedCertificate wanted = NodeClientCertificate(identity.node_name);
  RotateServices(identity, services, directory);
  as_client = std::make_unique<CertificateRotation>(
      office, CertificateRotation::Options{wanted.signer, wanted.order},
      identity.client.certificate_pem, [this, identity, directory](const KeyPair& next) {
        NodeIdentity renewed = identity;
        renewed.client = next;
        return SaveNodeIdentity(directory, renewed).and_then([&] {
          return transport->Renew(next.certificate_pem, next.key_pem);
        });
      });
  as_server = std::make_unique<CertificateRotation>(
      office,
      CertificateRotation::Options{certificates::kKubeletServingSigner, ServingOrder(files)},
      shown.is_signed ? shown.pair.certificate_pem : "",
      [this, files, authority = identity.authority_pem](const KeyPair& next) {
        return SaveServingCertificate(files, next).and_then([&] {
          return node->ReloadTls({next.certificate_pem, next.key_pem, authority});
        });
      });
}

Result<std::unique_ptr<JoinedNode>> JoinedNode::Start(const ClusterOptions& options,
                                                      const NodeIdentity& identity,
                                                      const Progress& progress) {
  auto transport = TRY(MakeRenewableTransport(HttpsOptionsOf(identity)));
  const KeyPair services = TRY(ServicesOf(options.data_dir, identity, *transport));
  NodeIdentity as_services = identity;
  as_services.client = services;
  auto services_transport = TRY(MakeRenewableTransport(HttpsOptionsOf(as_services)));
  auto parts = std::make_unique<Parts>(options.data_dir, identity, std::move(transport),
                                       std::move(services_transport));
  std::unique_ptr<JoinedNode> joined(new JoinedNode(std::move(parts)));
  Parts& made = *joined->parts_;
  const ServingFiles files{options.data_dir, identity.node_name, NodeAddresses(options)};
  const auto shown = TRY(LoadServingCertificate(files, made.clock.Now()));
  made.MakeRotations(identity, services, files, shown);
  made.dns = TRY(NodeDns::Start(
      options, {*made.transport, made.informers, made.clock, made.random, made.executor}));
  made.node = TRY(LocalNode::Start(
      options,
      {*made.transport, *made.services_transport, made.informers, made.pods.informer(), made.clock,
       made.random,
       http::ServerTls{shown.pair.certificate_pem, shown.pair.key_pem, identity.authority_pem}},
      progress));
  AddCertificateMetrics(made.node->kubelet_metrics(), made.clock, *made.as_client,
                        *made.as_server);
  made.pods.Start(made.executor);
  made.as_client->Start(made.executor);
  made.as_services->Start(made.executor);
  made.as_server->Start(made.executor);
  progress("waiting for the node to be ready");
  if (!made.ready.WaitFor({identity.node_name}, kReadyTimeout)) {
    if (!made.informers.For<core_v1::Node>().synced()) {
      progress("note: " + identity.server +
               " does not answer: the node runs what it knows of, and goes on by itself");
      return joined;
    }
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
  if (parts.as_client) parts.as_client->Stop();
  if (parts.as_services) parts.as_services->Stop();
  if (parts.as_server) parts.as_server->Stop();
  // They tell the node of changes.
  parts.pods.Stop();
  parts.informers.Stop();
  parts.node.reset();
  parts.dns.reset();
}

}  // namespace skiff
