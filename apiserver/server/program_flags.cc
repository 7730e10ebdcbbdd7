// The flags of `skiff apiserver`: which there are, and what of them cannot be.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "apiserver/admission/plugins.h"
#include "apiserver/server/flag_checks.h"
#include "apiserver/server/identity_flag_checks.h"
#include "apiserver/server/program.h"
#include "apiserver/server/program_store.h"
#include "apiserver/server/runtime_config.h"
#include "apiserver/server/unused_flags.h"
#include "base/feature_gates.h"

namespace skiff {
namespace {

constexpr const char* kMutatingPoliciesGate = "MutatingAdmissionPolicy";
constexpr const char* kIdentityGate = "APIServerIdentity";

void TakeGates(const Flags::Given& given, ApiServerFlags& to) {
  // Policies that nobody can write act for nobody.
  const bool can_be_written = std::ranges::any_of(to.kinds_on_request, [](const KindInfo* kind) {
    return kind->api_version == "admissionregistration.k8s.io/v1beta1";
  });
  const std::optional<bool> all = FeatureGateOf(given, kBetaGates);
  to.mutating_policies_act =
      FeatureGateOf(given, kMutatingPoliciesGate).value_or(all.value_or(false) && can_be_written);
  to.has_identity_lease = IsBetaGateOn(given, kIdentityGate, true);
  to.keeps_max_unavailable = IsBetaGateOn(given, kMaxUnavailableGate, false);
  if (!all) return;
  to.log.notes.push_back(fmt::format(
      "--feature-gates={}={} has an effect on {}, {} and {} alone: what else is there is on, and "
      "what is not cannot be turned on",
      kBetaGates, *all, kIdentityGate, kMaxUnavailableGate, kMutatingPoliciesGate));
}

void AddStoreFlags(Flags& flags, ApiServerFlags& to) {
  flags.Add("etcd-servers", to.etcd_servers,
            "URLs of an etcd cluster to keep the objects in, instead of the embedded store.");
  flags.Add("etcd-cafile", to.etcd_ca_file, "File with the authorities of etcd's certificates.");
  flags.Add("etcd-certfile", to.etcd_cert_file, "File with the certificate to show to etcd.");
  flags.Add("etcd-keyfile", to.etcd_key_file, "File with its private key.");
  flags.Add("etcd-prefix", to.etcd_prefix, "Where in etcd all keys lie.");
  flags.Add("etcd-compaction-interval", to.etcd_compaction_interval,
            "How often old revisions are dropped; 0: never.");
  flags.Add("event-ttl", to.event_ttl, "How long events are kept in etcd.");
  flags.Add("storage-backend", to.storage_backend, "etcd3.");
  flags.Add("encryption-provider-config", to.encryption_provider_config,
            "File with the EncryptionConfiguration of apiserver.config.k8s.io/v1 that says which "
            "objects are kept encrypted, by which keys.");
  flags.Add("encryption-provider-config-automatic-reload",
            to.encryption_provider_config_automatic_reload, "Take that file anew when it changes.");
  flags.Add("storage-initialization-timeout", to.storage_initialization_timeout,
            "How long to wait for etcd at the start.");
}

void AddAdmissionFlags(Flags& flags, ApiServerFlags& to) {
  flags.Add("enable-admission-plugins", to.enable_admission_plugins,
            "Admission plugins beyond the default ones.");
  flags.Add("disable-admission-plugins", to.disable_admission_plugins,
            "Default admission plugins to leave out.");
  flags.Add("default-not-ready-toleration-seconds", to.default_not_ready_toleration_s,
            "How long a pod tolerates its node being not ready, unless it says otherwise.");
  flags.Add("default-unreachable-toleration-seconds", to.default_unreachable_toleration_s,
            "The same for a node that is unreachable.");
  flags.Add("warn-unserved-kinds", to.warn_unserved_kinds,
            "Warn who writes an object that is stored and that nothing acts on yet; otherwise the "
            "log says it once a kind.");
}

void AddFlowControlFlags(Flags& flags, FlowControlOptions& to) {
  flags.Add("enable-priority-and-fairness", to.on,
            "Have FlowSchemas and PriorityLevelConfigurations decide whose turn it is; otherwise "
            "requests are only counted.");
  flags.Add("max-requests-inflight", to.reading_max,
            "Seats, together with --max-mutating-requests-inflight, that priority levels share "
            "out; without them, how many reads may be under way, 0: any number.");
  flags.Add("max-mutating-requests-inflight", to.writing_max, "The same for what writes.");
}

void AddServiceAccountFlags(Flags& flags, ApiServerFlags& to) {
  flags.AddEach("service-account-issuer", to.service_account_issuers,
                "Issuer of tokens; of several the first, and those of the others are taken too.");
  flags.Add("api-audiences", to.api_audiences, "Audiences that tokens may name.");
  flags.Add("service-account-signing-key-file", to.service_account_signing_key_file,
            "File with the private key that signs tokens.");
  flags.Add("service-account-key-file", to.service_account_key_files,
            "Files with keys that verify tokens.");
  flags.Add("service-account-jwks-uri", to.service_account_jwks_uri,
            "Where the issuer's document says that the keys are, if not at this server.");
  flags.Add("service-account-max-token-expiration", to.service_account_max_token,
            "For how long tokens are good at most; 0: for as long as is asked.");
  flags.Add("service-account-extend-token-expiration", to.service_account_extend_tokens,
            "Let the tokens that pods get by themselves live for a year.");
  flags.AddUnused({"service-account-lookup",
                   "it is looked up whether the account and its pod are still there",
                   {"true"},
                   /*is_switch=*/true});
  flags.AddUnused({"service-account-signing-endpoint",
                   "tokens are signed with the key of --service-account-signing-key-file",
                   {""},
                   /*is_switch=*/false,
                   /*is_refused=*/true});
}

// Those in front of this server, and those behind it.
void AddFrontProxyFlags(Flags& flags, ApiServerFlags& to) {
  flags.Add("requestheader-client-ca-file", to.requestheader_client_ca_file,
            "Who shows a certificate of these authorities names the user in headers.");
  flags.Add("requestheader-allowed-names", to.front_proxy.allowed_names,
            "Common names that such certificates may have; empty: any.");
  flags.Add("requestheader-username-headers", to.front_proxy.username_headers,
            "Headers to look for the user's name in, such as X-Remote-User.");
  flags.Add("requestheader-uid-headers", to.front_proxy.uid_headers,
            "Headers to look for the user's uid in, such as X-Remote-Uid.");
  flags.Add("requestheader-group-headers", to.front_proxy.group_headers,
            "Headers to look for groups in, such as X-Remote-Group.");
  flags.Add("requestheader-extra-headers-prefix", to.front_proxy.extra_header_prefixes,
            "How headers begin that say more of the user, such as X-Remote-Extra-.");
  flags.Add("proxy-client-cert-file", to.proxy_client_cert_file,
            "File with the certificate by which API servers behind this one know it.");
  flags.Add("proxy-client-key-file", to.proxy_client_key_file, "File with its private key.");
  flags.Add("aggregator-reject-forwarding-redirect", to.aggregator_reject_forwarding_redirect,
            "Refuse redirects by which API servers behind this one answer.");
  flags.Add(
      "enable-aggregator-routing", to.enable_aggregator_routing,
      "Reach services of webhooks and of API servers behind this one at their endpoints alone, "
      "whoever wrote these; else at a pod behind them where there is one.");
}

void AddFlags(Flags& flags, ApiServerFlags& to) {
  flags.Add("data-dir", to.data_dir, "Directory of the embedded store and generated keys.");
  flags.Add("durability", to.durability, "What a write survives: sync, interval or memory.");
  flags.Add("bind-address", to.bind_address, "The IP address on which to listen.");
  flags.Add("advertise-address", to.advertise_address,
            "The IP address by which members of the cluster reach this server.");
  flags.Add("secure-port", to.secure_port, "The port on which to serve HTTPS.");
  flags.Add("http2-max-streams-per-connection", to.http2_max_streams_per_connection,
            "How many requests a client may have under way on one connection of HTTP/2; 0: 100.");
  flags.Add("disable-http2-serving", to.disable_http2_serving, "Speak HTTP/1.1 alone.");
  flags.Add("cert-dir", to.cert_dir,
            "Directory of the server's certificate, apiserver.crt and apiserver.key, which is made "
            "there when it is missing. Ignored with --tls-cert-file.");
  flags.Add("tls-cert-file", to.tls_cert_file, "File with the server's certificate and chain.");
  flags.Add("tls-private-key-file", to.tls_private_key_file, "File with its private key.");
  flags.Add("kubelet-client-certificate", to.kubelet_client_certificate,
            "File with the certificate the server shows to kubelets.");
  flags.Add("kubelet-client-key", to.kubelet_client_key, "File with its private key.");
  flags.Add("kubelet-certificate-authority", to.kubelet_certificate_authority,
            "File with the authority of the kubelets' certificates.");
  flags.Add("client-ca-file", to.client_ca_file,
            "Clients that show a certificate of these authorities are its common name.");
  flags.Add("token-auth-file", to.token_auth_file, "File of static bearer tokens.");
  flags.Add("authorization-mode", to.authorization_modes,
            "Ordered list: AlwaysAllow, AlwaysDeny, ABAC, Node, RBAC, Webhook.");
  AddAuthorizationFlags(flags, to.authorization);
  flags.Add("anonymous-auth", to.anonymous_auth, "Take requests without credentials.");
  flags.Add("enable-bootstrap-token-auth", to.enable_bootstrap_token_auth,
            "Take the tokens of Secrets of type bootstrap.kubernetes.io/token in kube-system.");
  flags.Add("service-cluster-ip-range", to.service_cluster_ip_ranges,
            "CIDRs from which cluster IPs of services come.");
  flags.Add("service-node-port-range", to.service_node_port_range,
            "Ports that services of type NodePort may have.");
  AddServiceAccountFlags(flags, to);
  AddTokenFlags(flags, to.tokens);
  AddPortFlags(flags, to.port);
  AddFrontProxyFlags(flags, to);
  AddAdmissionFlags(flags, to);
  AddFlowControlFlags(flags, to.flow_control);
  AddAuditFlags(flags, to.audit);
  AddStoreFlags(flags, to);
  flags.Add("request-timeout", to.request_timeout,
            "How long a request may take until it is answered, unless its ?timeout= is shorter; a "
            "write has 34s at most until it is stored, and what lasts has no limit.");
  flags.Add("min-request-timeout", to.min_request_timeout_s,
            "Seconds that a watch without a timeout of its own lasts at least, and up to twice as "
            "long; 0: until somebody ends it.");
  flags.Add("shutdown-delay-duration", to.shutdown_delay,
            "How long requests are still taken after /readyz has begun to fail.");
  AddLogFlags(flags, to.log,
              {kMutatingPoliciesGate, kIdentityGate, kMaxUnavailableGate, kBetaGates});
  AddVersionFlags(flags);
  AddUnusedFlags(flags);
}

// False: it was only asked for help. What is not given stays as it is.
Result<bool> ParseInto(ApiServerFlags& to, const std::vector<std::string>& args) {
  Flags flags("skiff apiserver");
  AddFlags(flags, to);
  std::string admission_file;
  flags.Add("admission-control-config-file", admission_file,
            "An AdmissionConfiguration: what PodSecurity is told.");
  std::vector<std::string> runtime_config;
  flags.Add("runtime-config", runtime_config,
            "Group versions to serve: admissionregistration.k8s.io/v1beta1=true, or v1alpha1. All "
            "stable ones are served, and none of them can be left out.");
  const bool goes_on = TRY(ParseOrHelp(flags, args));
  if (!goes_on) return false;
  if (to.flow_control.on) TRY(CheckFairness(runtime_config));
  to.kinds_on_request = TRY(CheckRuntimeConfig(runtime_config, to.log.notes));
  TakeGates(flags.given(), to);
  for (const auto& [name, value] : flags.given()) to.tokens.oidc_given |= name.starts_with("oidc-");
  to.admission_settings = TRY(ReadAdmissionSettings(admission_file, to.log.notes));
  TRY(CheckServerFlags(to));
  TRY(CheckServiceRanges(to, flags.given()));
  TRY(CheckServiceAccountFlags(to, to.log.notes));
  TRY(CheckTokenFlags(to.tokens));
  TRY(CheckPortFlags(to.port));
  TRY(CheckStoreFlags(to));
  TRY(CheckPairsOfFiles(to));
  TRY(CheckFrontProxyFlags(to, to.log.notes));
  TRY(CheckAuthorizationFlags(to.authorization, flags.given(), to.authorization_modes));
  TRY(CheckAuditFlags(to.audit, to.log.notes));
  TRY(CheckAdmissionPlugins(to.enable_admission_plugins, to.disable_admission_plugins));
  TRY(CheckUnusedFlags(flags.given(), !to.audit.log.path.empty()));
  TRY(ParsePortRange(to.service_node_port_range));
  return true;
}

}  // namespace

Result<std::optional<ApiServerFlags>> ParseApiServerFlags(const std::vector<std::string>& args) {
  ApiServerFlags to;
  if (!TRY(ParseInto(to, args))) return std::nullopt;
  return to;
}

Result<ApiServerFlags> WithApiServerArguments(ApiServerFlags set,
                                              const std::vector<std::string>& arguments) {
  std::vector<std::string> args;
  for (const std::string& argument : arguments) {
    args.push_back(argument.starts_with("--") ? argument : "--" + argument);
  }
  const bool parsed = TRY(ParseInto(set, args));
  if (!parsed) return Fail(Reason::kInvalid, "--help is no argument of the API server's");
  return set;
}

}  // namespace skiff
