#include "proxy/ingress/haproxy_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/hash.h"
#include "base/text.h"

namespace skiff::ingress {
namespace {

// A line of a list of certificates may be so long that this many names of 253 letters fit.
constexpr size_t kHostsOfALine = 100;
constexpr size_t kSignatureLength = 32;
// Such a name is shorter than master.sock: paths of sockets may have a hundred bytes.
constexpr size_t kSocketSignatureLength = 8;

// Old workers end when their last connection does, at the latest after hard-stop-after. Who keeps a
// connection to one of them may send one more request, instead of finding it closed; soon, since it
// would be led to the endpoints of then.
//
// Of the descriptors HAProxy makes so many connections of clients as it can lead on, half of them.
constexpr char kGlobal[] = R"(global
  description {signature}
  expose-experimental-directives
  default-path config
  fd-hard-limit {descriptors}
  hard-stop-after 10m
  mworker-max-reloads 32
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.2
  tune.ssl.default-dh-param 2048
)";

constexpr char kDefaults[] = R"(
defaults
  mode http
  log global
  option dontlognull
  option idle-close-on-response
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response
  timeout connect 2s
  timeout client 60s
  timeout client-fin 30s
  timeout http-keep-alive 10s
  timeout http-request 10s
  timeout queue 10s
  timeout server 60s
  timeout tunnel 1h
)";

// One address may hold most connections, and never all of them. A client of IPv6 has as many
// addresses as it likes, of one network.
constexpr char kClients[] = R"(  stick-table type ipv6 size 20k expire 10s store conn_cur
  tcp-request connection track-sc0 src,ipmask(32,64)
)";
// Of the descriptors, of which a connection that is led on takes two: seven in ten connections.
constexpr int kAddressPercent = 35;

// An endpoint may be this proxy itself, by any way that leads here: such a request goes around a
// few times, and not until all connections are taken.
//
// Requests that may be sent twice are, when a connection broke before an answer came.
//
// CGI and WSGI take X_Forwarded_For for the header with dashes; and what `Connection` names the
// next proxy behind this one may drop. What is not set here but says the same to frameworks (Rack
// and Spring take X-Forwarded-Ssl for https, and X-Forwarded-Prefix for a part of their URLs) is
// nobody's to say either.
//
// A path is led by what it is to the pod: /public/../admin is /admin, and is sent as that. Pods
// differ in what they make of such dots and slashes when they are encoded, of backslashes (slashes
// to WHATWG's URLs), of what follows a semicolon (no part of the name to servlets), of a zero byte,
// and of no host. After an upgrade to HTTP/2 nobody would look at a connection's requests.
constexpr char kRouting[] = R"(  option httplog
  capture request header Host len 128
  http-request add-header X-Skiff-Ingress-Hop 1
  http-request disable-l7-retry unless { method GET HEAD OPTIONS TRACE PUT DELETE }
  acl drops_ours req.hdr(connection) -m beg -i x-forwarded- x-real-ip x-skiff-
  http-request deny deny_status 400 if drops_ours
  http-request deny deny_status 400 if { req.hdr_cnt(host) eq 0 } !HTTP_1.0
  http-request deny deny_status 400 if { req.hdrs -m reg '\x00' }
  acl dots path -m reg -i '(/|\\|%2f|%5c)(\.|%2e){1,2}(/|\\|%2f|%5c|;|%3b|%00|$)'
  http-request normalize-uri path-strip-dot if dots
  http-request normalize-uri path-strip-dotdot full if dots
  http-request deny deny_status 400 if dots
  http-request del-header HTTP2-Settings
  http-request del-header Upgrade if { req.hdr(upgrade) -i h2c }
  http-request del-header ^x[-_]forwarded[-_](for|host|port|proto|protocol)$ -m reg
  http-request del-header ^x[-_]forwarded[-_](prefix|scheme|server|ssl)$ -m reg
  http-request del-header ^(x[-_](real[-_]ip|scheme)|front[-_]end[-_]https)$ -m reg
  http-request del-header Forwarded
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Host %[req.fhdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Proto http unless { ssl_fc }
  http-request set-header X-Real-IP %[src]
  http-request set-var(txn.path) 'path,url_dec,url_enc,regsub("(%2F)+","%2F",g)'
  http-request deny deny_status 400 unless { var(txn.path) -m found }
  http-request set-var(txn.host) req.fhdr(host),host_only,lower,rtrim(.)
  http-request set-var(txn.wild) 'var(txn.host),regsub("^[^.]*","*")'
)";

// What has a body that is longer than HAProxy's buffer is not sent again, whatever it is. gRPC is
// HTTP/2 only.
constexpr char kTargets[] = R"(  acl kept method GET HEAD OPTIONS TRACE
  acl kept req.hdr(content-type) -m beg application/grpc
  http-request set-var(txn.once) var(txn.to),map_str(once.map) unless kept
  use_backend circle if { req.hdr_cnt(X-Skiff-Ingress-Hop) gt 5 }
  use_backend %[var(txn.once)] if { var(txn.once) -m found }
  use_backend %[var(txn.to)] if { var(txn.to) -m found }
  default_backend not-found

backend not-found
  http-request return status 404 content-type text/plain string "404 page not found\n"

backend circle
  http-request return status 508 content-type text/plain string "508 led in a circle\n"

backend unavailable
  http-request return status 503 content-type text/plain string "503 no such service or port\n"
)";

// The first that is found is it. What follows a prefix's slash does not matter: a path gets one at
// its end, and the longest prefix is found.
std::string LookUps() {
  std::string text;
  const auto add = [&](std::string_view key, std::string_view match, std::string_view map) {
    text += fmt::format("  http-request set-var(txn.to) {},{}({}.map) ", key, match, map) +
            "unless { var(txn.to) -m found }\n";
  };
  for (const char* host : {"host", "wild"}) {
    add(fmt::format("var(txn.{}),concat(,txn.path)", host), "map_str", "exact");
    add(fmt::format("var(txn.{}),concat(,txn.path,%2F)", host), "map_beg", "prefix");
  }
  add("var(txn.path)", "map_str", "exact");
  add("var(txn.path),concat(%2F)", "map_beg", "prefix");
  for (const char* key : {"var(txn.host)", "var(txn.wild)"}) add(key, "map_str", "defaults");
  add(fmt::format("str({})", kAnyHost), "map_str", "defaults");
  return text;
}

std::string GlobalText(const HaproxySettings& settings, const std::string& signature) {
  std::string text = kGlobal;
  const auto put = [&text](const std::string& mark, const std::string& value) {
    text.replace(text.find(mark), mark.size(), value);
  };
  put("{signature}", signature);
  put("{descriptors}", std::to_string(settings.descriptors));
  text += fmt::format("  stats socket '{}' mode 600 level admin\n",
                      WorkerSocket(settings.directory, signature));
  if (!settings.user.empty()) {
    text += fmt::format("  user {0}\n  group {0}\n  chroot '{1}/empty'\n", settings.user,
                        settings.directory);
  }
  return text;
}

std::string FrontendText(const HaproxySettings& settings) {
  std::string text = "\nfrontend ingress\n";
  for (const std::string& address : settings.addresses) {
    const std::string family = address.find(':') == address.npos ? "" : "6 v6only";
    if (settings.http_port != 0) {
      text += BindLine(address, settings.http_port) + "http" + family + "\n";
    }
    if (settings.https_port != 0) {
      text += BindLine(address, settings.https_port) + "https" + family +
              " ssl crt default.pem crt-list certificates.list alpn h2,http/1.1\n";
    }
  }
  text += kClients;
  text += fmt::format("  tcp-request connection reject if {{ sc0_conn_cur gt {} }}\n",
                      settings.descriptors * kAddressPercent / 100);
  text += kRouting + LookUps() + kTargets;
  if (settings.metrics_port == 0) return text;
  return text + "\nfrontend metrics\n" + BindLine("127.0.0.1", settings.metrics_port) +
         "metrics\n  no log\n"
         "  http-request use-service prometheus-exporter if { path /metrics }\n"
         "  default_backend not-found\n";
}

std::string ServerName(const Endpoint& endpoint) {
  return fmt::format("{}_{}", endpoint.ip, endpoint.port);
}

// Where a client stays with a pod, HAProxy chooses by the ids of servers, which it would count: so
// each has one that is made of its address. Another worker, and another backend of the same
// servers, make the same choice then. Unset where nothing hangs on it.
//
// It is hashed after twelve bits are pushed out of its 32: those of two servers differ in the rest.
std::optional<int> TakeServerId(const Backend& backend, const std::string& name,
                                std::set<int>& taken) {
  if (!backend.sticky) return std::nullopt;
  constexpr int kIds = 1 << 20;
  int id = static_cast<int>(Fnv1a32(name) % kIds);
  while (id == 0 || !taken.insert(id).second) id = (id + 1) % kIds;
  return id;
}

std::string_view NameOfProtocol(BackendProtocol protocol) {
  switch (protocol) {
    case BackendProtocol::kHttp:
      return "HTTP/1.1";
    case BackendProtocol::kH2c:
      return "HTTP/2";
    case BackendProtocol::kHttps:
      return "TLS";
  }
  return "";
}

std::string BackendText(const std::string& name, const Backend& backend, bool with_servers) {
  std::string text = fmt::format("\nbackend {}\n", name);
  text += backend.sticky ? "  balance source\n  hash-type consistent\n" : "  balance roundrobin\n";
  const auto time = [&](const char* what, const std::optional<Duration>& value) {
    if (!value) return;
    text += fmt::format("  timeout {} {}ms\n", what,
                        std::chrono::floor<std::chrono::milliseconds>(*value).count());
  };
  time("connect", backend.times.connect);
  time("server", backend.times.server);
  time("tunnel", backend.times.tunnel);
  // A connection that is kept may be closed by its server, a pod that ends, in the moment a request
  // is sent by it. Whether it was taken nobody knows then, so a POST cannot be sent again, and
  // HAProxy closes the client's connection without an answer and without a line in the log. Where a
  // connection cannot be made nothing was taken, and any request goes elsewhere.
  if (backend.once) text += "  option http-server-close\n";
  // Servers are no part of the signature; how they are spoken to is.
  text += fmt::format("  # servers: {}{}\n", NameOfProtocol(backend.protocol),
                      backend.once ? ", a connection a request" : "");
  if (!with_servers) return text;
  for (const auto& [server, target] : ServersOf(backend)) {
    text += fmt::format("  server {} {}\n", server, target);
  }
  return text;
}

std::string MapText(const std::map<std::string, std::string>& routes) {
  std::string text;
  for (const auto& [key, backend] : routes) text += key + " " + backend + "\n";
  return text;
}

std::string OnceText(const IngressPlan& plan) {
  std::string text;
  for (const auto& [name, backend] : plan.backends) {
    const std::string once = name + std::string(kOnce);
    if (plan.backends.contains(once)) text += name + " " + once + "\n";
  }
  return text;
}

// Names of Secrets may be longer than those of files.
std::string CertificateFile(const std::string& secret) {
  return "certificates/" + Hex(Sha256(secret)).substr(0, kSignatureLength) + ".pem";
}

std::string CertificateLines(const std::string& file, const std::set<std::string>& hosts) {
  std::string lines;
  size_t count = 0;
  for (const std::string& host : hosts) {
    if (count++ % kHostsOfALine == 0) lines += (lines.empty() ? "" : "\n") + file;
    lines += " " + host;
  }
  return lines + "\n";
}

std::string ConfigText(const IngressPlan& plan, const HaproxySettings& settings,
                       const std::string& signature, bool with_servers) {
  std::string text = GlobalText(settings, signature) + kDefaults + FrontendText(settings);
  for (const auto& [name, backend] : plan.backends) {
    text += BackendText(name, backend, with_servers);
  }
  return text;
}

std::string SignatureOf(const std::map<std::string, std::string>& files,
                        const std::string& config) {
  std::string all = Sha256(config);
  for (const auto& [name, text] : files) all += Sha256(name) + Sha256(text);
  return Hex(Sha256(all)).substr(0, kSignatureLength);
}

}  // namespace

HaproxyConfig RenderHaproxy(const IngressPlan& plan, const HaproxySettings& settings) {
  HaproxyConfig config;
  config.files["exact.map"] = MapText(plan.exact);
  config.files["prefix.map"] = MapText(plan.prefix);
  config.files["defaults.map"] = MapText(plan.defaults);
  config.files["once.map"] = OnceText(plan);
  config.files["default.pem"] = settings.default_certificate;
  std::string& list = config.files["certificates.list"];
  for (const auto& [secret, certificate] : plan.certificates) {
    const std::string file = CertificateFile(secret);
    config.files[file] = certificate.pem;
    list += CertificateLines(file, certificate.hosts);
  }
  config.signature = SignatureOf(config.files, ConfigText(plan, settings, "", false));
  config.files["haproxy.cfg"] = ConfigText(plan, settings, config.signature, true);
  return config;
}

std::set<std::string> SecretsNamedIn(const std::string& said, const IngressPlan& plan) {
  std::set<std::string> named;
  for (const auto& [secret, certificate] : plan.certificates) {
    if (said.find(CertificateFile(secret)) != std::string::npos) named.insert(secret);
  }
  return named;
}

std::string BindLine(const std::string& address, int port) {
  const bool is_v6 = address.find(':') != address.npos;
  return fmt::format("  bind {}{}{}:{} name ", is_v6 ? "[" : "", address, is_v6 ? "]" : "", port);
}

bool IsPlainDirectory(const std::string& directory) {
  static constexpr std::string_view kPlain = "/._-+@ ";
  return directory.starts_with('/') && std::all_of(directory.begin(), directory.end(), [](char c) {
           return IsAlnum(c) || kPlain.find(c) != std::string_view::npos;
         });
}

std::string WorkerSocket(const std::string& directory, const std::string& signature) {
  return directory + "/w." + signature.substr(0, kSocketSignatureLength);
}

namespace {

std::string ServerTarget(const Endpoint& endpoint, const Backend& backend) {
  const bool is_v6 = endpoint.ip.find(':') != std::string::npos;
  std::string target =
      fmt::format("{}{}{}:{}", is_v6 ? "[" : "", endpoint.ip, is_v6 ? "]" : "", endpoint.port);
  switch (backend.protocol) {
    case BackendProtocol::kHttp:
      break;
    case BackendProtocol::kH2c:
      target += " proto h2";
      break;
    case BackendProtocol::kHttps:
      // As ingress-nginx by default: pods' certificates are seldom issued by anybody. A connection
      // of HTTP/2 is idle to a server that ends until it has read a request, also a new one, and is
      // closed; one of HTTP/1.1 is waited for.
      target += backend.once ? " ssl verify none alpn http/1.1"
                             : " ssl verify none alpn h2,http/1.1";
      break;
  }
  return target;
}

}  // namespace

std::map<std::string, std::string> ServersOf(const Backend& backend) {
  std::map<std::string, std::string> servers;
  std::set<int> taken;
  for (const Endpoint& endpoint : backend.endpoints) {
    const std::string name = ServerName(endpoint);
    std::string& target = servers[name] = ServerTarget(endpoint, backend);
    if (const auto id = TakeServerId(backend, name, taken)) target += fmt::format(" id {}", *id);
  }
  return servers;
}

}  // namespace skiff::ingress
