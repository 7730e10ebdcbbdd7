#include "skiff/docker_servers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "apiserver/auth/pki.h"
#include "skiff/docker_engine.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr int kMembersMax = 7;  // As etcd advises.
constexpr size_t kRandomLetters = 6;  // Of mkdtemp.
constexpr char kEtcdClient[] = "apiserver-etcd-client";

std::string MemberUrl(const DockerOptions& options, int number, int port) {
  return fmt::format("https://{}:{}", DockerEtcdName(options.name, number), port);
}

std::string FilesPrefix(const std::string& cluster) {
  return fmt::format("skiff-keys-{}.", cluster);
}

Result<> WritePair(const std::string& directory, const std::string& name, const KeyPair& pair) {
  TRY(WriteWholeFile(directory + "/" + name + ".crt", pair.certificate_pem, 0644));
  return WriteWholeFile(directory + "/" + name + ".key", pair.key_pem, 0600);
}

// The second number of "127.0.0.1:8080:80": the container's.
std::string InnerPort(const std::string& mapping) {
  return mapping.substr(mapping.rfind(':') + 1);
}

// Servers that answer a check, by their names, which a server that starts again keeps.
std::string Backend(const DockerOptions& options, const std::string& port) {
  std::string lines;
  for (int number = 1; number <= DockerServers(options); ++number) {
    const std::string name = DockerServerName(options.name, number);
    lines += fmt::format("    server {} {}:{}\n", name, name, port);
  }
  return lines;
}

}  // namespace

int DockerServers(const DockerOptions& options) {
  if (options.servers) return *options.servers;
  return std::min(options.nodes.value_or(1), std::max(1, options.etcd_members.value_or(0)));
}

std::string DockerEtcdName(const std::string& cluster, int number) {
  return fmt::format("{}-etcd-{}", cluster, number);
}

std::string DockerBalancerName(const std::string& cluster) {
  return cluster + "-api";
}

std::vector<std::string> DockerContainerNames(const DockerOptions& options) {
  std::vector<std::string> names;
  const int members = options.etcd_members.value_or(0);
  const int servers = DockerServers(options);
  for (int number = 1; number <= members; ++number) {
    names.push_back(DockerEtcdName(options.name, number));
  }
  for (int number = 1; number <= servers; ++number) {
    names.push_back(DockerServerName(options.name, number));
  }
  for (int number = 1; number <= options.nodes.value_or(1) - servers; ++number) {
    names.push_back(DockerAgentName(options.name, number));
  }
  if (members > 0) names.push_back(DockerBalancerName(options.name));
  return names;
}

Result<> CheckDockerServers(const DockerOptions& options) {
  if (!options.etcd_members) return {};
  if (*options.etcd_members < 1 || *options.etcd_members > kMembersMax) {
    return Fail(Reason::kInvalid, fmt::format("--etcd: {} is not between 1 and {}",
                                              *options.etcd_members, kMembersMax));
  }
  for (const std::string& mapping : options.published_ports) {
    const std::string port = InnerPort(mapping);
    if (!port.empty() && port.find_first_not_of("0123456789") == port.npos) continue;
    return Fail(Reason::kInvalid,
                fmt::format("--publish: \"{}\": beside --etcd it leads to whichever server lives, "
                            "and that is done for single ports of TCP, HOST:CONTAINER",
                            mapping));
  }
  return {};
}

std::vector<std::string> DockerEtcdCommand(const DockerOptions& options, int number) {
  const std::string name = DockerEtcdName(options.name, number);
  std::vector<std::string> members;
  for (int each = 1; each <= *options.etcd_members; ++each) {
    members.push_back(DockerEtcdName(options.name, each) + "=" + MemberUrl(options, each, 2380));
  }
  const std::string pki = std::string(kMemberKeys) + "/";
  return {"create", "--name", name, "--hostname", name, "--label", DockerLabel(options.name),
          "--label", fmt::format("{}={}", kDockerRoleLabel, kDockerEtcdRole), "--network",
          options.name, "--volume", name + ":/var/etcd/data", "--restart", "unless-stopped",
          "--entrypoint", "/usr/local/bin/etcd", options.etcd_image, "--name=" + name,
          "--data-dir=/var/etcd/data/member", "--listen-client-urls=https://0.0.0.0:2379",
          "--advertise-client-urls=" + MemberUrl(options, number, 2379),
          "--listen-peer-urls=https://0.0.0.0:2380",
          "--initial-advertise-peer-urls=" + MemberUrl(options, number, 2380),
          fmt::format("--initial-cluster={}", fmt::join(members, ",")),
          "--initial-cluster-token=" + options.name, "--cert-file=" + pki + "member.crt",
          "--key-file=" + pki + "member.key", "--trusted-ca-file=" + pki + "ca.crt",
          "--client-cert-auth", "--peer-cert-file=" + pki + "member.crt",
          "--peer-key-file=" + pki + "member.key", "--peer-trusted-ca-file=" + pki + "ca.crt",
          "--peer-client-cert-auth"};
}

std::vector<std::string> DockerBalancerCommand(const DockerOptions& options) {
  const std::string name = DockerBalancerName(options.name);
  std::vector<std::string> command = {
      "create", "--name", name, "--hostname", name, "--label", DockerLabel(options.name), "--label",
      fmt::format("{}={}", kDockerRoleLabel, kDockerBalancerRole), "--label",
      fmt::format("{}={}", kDockerPublishLabel, fmt::join(options.published_ports, " ")),
      "--network", options.name, "--restart", "unless-stopped", "--publish",
      fmt::format("127.0.0.1:{0}:{0}", options.secure_port)};
  for (const std::string& mapping : options.published_ports) {
    command.insert(command.end(), {"--publish", mapping});
  }
  // The image wants a volume there. One without a name would stay when the container is removed.
  command.insert(command.end(), {"--tmpfs", "/var/lib/skiff"});
  command.insert(command.end(), {"--entrypoint", "/usr/sbin/haproxy", options.image, "-W", "-db",
                                 "-f", std::string(kBalancerDirectory) + "/haproxy.cfg"});
  return command;
}

// Whoever is ready is asked. Where nobody is, as without a majority in etcd, those that live: they
// say what is wrong, which a closed port does not.
//
// What is being connected to a server that dies goes to another one. So a server that is found to
// be down keeps its sessions (`on-marked-down shutdown-sessions` would end those that have no
// connection yet, too): the kernel ends them after 5 s without an answer from there.
std::string BalancerConfig(const DockerOptions& options) {
  const std::string port = std::to_string(options.secure_port);
  std::string text = fmt::format(
      R"(global
    log stdout format raw local0 notice
    maxconn 8192
resolvers engine
    nameserver dns 127.0.0.11:53
    hold valid 5s
defaults
    mode tcp
    log global
    option redispatch 1
    retries 3
    option srvtcpka
    srvtcpka-idle 3s
    srvtcpka-intvl 1s
    srvtcpka-cnt 2
    timeout connect 1s
    timeout client 4h
    timeout server 4h
    timeout check 3s
    default-server resolvers engine init-addr libc,none
    default-server check inter 1s fall 2 rise 1 tcp-ut 5s
frontend api
    bind :{0}
    use_backend ready if {{ nbsrv(ready) gt 0 }}
    default_backend alive
backend ready
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host {1}
    http-check expect status 200
    default-server check-ssl verify none
{2}backend alive
{2})",
      port, DockerBalancerName(options.name), Backend(options, port));
  // Several ports of the host may lead to one of the servers, and one to the API itself.
  std::set<std::string> led = {port};
  for (const std::string& mapping : options.published_ports) {
    const std::string inner = InnerPort(mapping);
    if (!led.insert(inner).second) continue;
    text += fmt::format("listen port-{0}\n    bind :{0}\n{1}", inner, Backend(options, inner));
  }
  return text;
}

std::vector<std::string> EtcdFlagsOfServer(const DockerOptions& options) {
  std::vector<std::string> urls;
  for (int number = 1; number <= *options.etcd_members; ++number) {
    urls.push_back(MemberUrl(options, number, 2379));
  }
  const std::string pki = "/var/lib/skiff/pki/";
  return {fmt::format("--etcd-servers={}", fmt::join(urls, ",")),
          "--etcd-cafile=" + pki + "etcd-servers.crt",
          fmt::format("--etcd-certfile={}{}.crt", pki, kEtcdClient),
          fmt::format("--etcd-keyfile={}{}.key", pki, kEtcdClient),
          fmt::format("--control-plane-endpoint={}:{}", DockerBalancerName(options.name),
                      options.secure_port)};
}

DockerFiles::~DockerFiles() {
  std::error_code ignored;
  if (!directory_.empty()) fs::remove_all(directory_, ignored);
}

std::string DockerFiles::OfMember(int number) const {
  return fmt::format("{}/member-{}", directory_, number);
}

void DockerFiles::RemoveLeft(const std::string& cluster) {
  std::error_code error;
  const std::string prefix = FilesPrefix(cluster);
  for (fs::directory_iterator each(fs::temp_directory_path(error), error), end;
       !error && each != end; each.increment(error)) {
    const std::string name = each->path().filename();
    struct stat about{};
    // Anybody may put something there under that name.
    const bool ours = name.size() == prefix.size() + kRandomLetters && name.starts_with(prefix) &&
                      lstat(each->path().c_str(), &about) == 0 && S_ISDIR(about.st_mode) &&
                      about.st_uid == geteuid();
    std::error_code ignored;
    if (ours) fs::remove_all(each->path(), ignored);
  }
}

Result<DockerFiles> DockerFiles::Make(const DockerOptions& options, bool with_keys) {
  std::error_code error;
  std::string form = fs::temp_directory_path(error) /
                     (FilesPrefix(options.name) + std::string(kRandomLetters, 'X'));
  if (error || mkdtemp(form.data()) == nullptr) {
    return Fail(Reason::kInternalError, "cannot make a directory " + form);
  }
  DockerFiles files(form);
  fs::create_directories(files.OfBalancer(), error);
  if (error) return Fail(Reason::kInternalError, form + ": " + error.message());
  TRY(WriteWholeFile(files.OfBalancer() + "/haproxy.cfg", BalancerConfig(options), 0644));
  if (with_keys) TRY(files.MakeKeys(options));
  return files;
}

Result<> DockerFiles::MakeKeys(const DockerOptions& options) const {
  const TimePoint now = SystemClock().Now();
  std::error_code error;
  for (int number = 1; number <= *options.etcd_members; ++number) {
    fs::create_directories(OfMember(number), error);
  }
  if (error) return Fail(Reason::kInternalError, directory_ + ": " + error.message());
  // What a server finds it takes over: the same authorities and key of tokens for all of them.
  const Pki shared = TRY(Pki::Open(OfServers() + "/pki", now));
  TRY(EnsureFrontProxy(shared.directory(), now));
  Pki tokens = TRY(Pki::Open(directory_ + "/tokens", now));
  TRY(tokens.EnsureServiceAccountKey(KeyKind::kRsa2048));
  TRY(WriteWholeFile(OfServers() + "/service-account.key",
                     TRY(ReadWholeFile(tokens.Path("sa.key"))), 0600));
  // Members trust nobody else's certificates: of the cluster's own, every node has one.
  const auto authority = TRY(CertificateAuthority::Create("etcd-ca", now));
  const std::string& pem = authority.pem().certificate_pem;
  TRY(WriteWholeFile(shared.Path("etcd-servers.crt"), pem, 0644));
  const KeyPair client = TRY(authority.Issue({.common_name = "kube-apiserver-etcd-client",
                                              .client = true,
                                              .lifetime = kAuthorityLifetime},
                                             now));
  TRY(WritePair(shared.directory(), kEtcdClient, client));
  for (int number = 1; number <= *options.etcd_members; ++number) {
    const std::string name = DockerEtcdName(options.name, number);
    const KeyPair member = TRY(authority.Issue({.common_name = name,
                                                .dns_names = {name, "localhost"},
                                                .ip_addresses = {"127.0.0.1"},
                                                .server = true,
                                                .client = true,
                                                .lifetime = kAuthorityLifetime},
                                               now));
    TRY(WriteWholeFile(OfMember(number) + "/ca.crt", pem, 0644));
    TRY(WritePair(OfMember(number), "member", member));
  }
  return {};
}

}  // namespace skiff
