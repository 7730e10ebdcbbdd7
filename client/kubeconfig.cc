#include "client/kubeconfig.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/codec/base64.h"
#include "api/codec/decode.h"
#include "api/codec/document.h"
#include "api/text/go_text.h"
#include "api/text/yaml.h"
#include "base/certificates.h"
#include "client/forward_proxy.h"

namespace skiff {
namespace {

// Of the entry `owner`, as `cluster "dev"`.
Result<std::string> Decoded64(const Json& object, const char* name, const std::string& owner) {
  const std::string text = TextAt(object, name);
  if (text.empty()) return text;
  auto decoded = DecodeBase64(text);
  if (decoded) return decoded;
  return Fail(Reason::kInvalid,
              fmt::format("{} of {}: {}", name, owner, decoded.error().message));
}

std::string PathOf(const Json& object, const char* name, const std::string& directory) {
  const std::string path = TextAt(object, name);
  if (path.empty() || path.starts_with('/')) return path;
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

Result<std::string> ReadFile(const std::string& path) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) {
    return Fail(Reason::kInvalid, fmt::format("read {}: is a directory", path));
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const bool may_not = errno == EACCES || errno == EPERM;
    return Fail(may_not ? Reason::kForbidden : Reason::kNotFound,
                fmt::format("open {}: {}", path,
                            may_not ? "permission denied" : "no such file or directory"));
  }
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// PEM from the data of an entry, or from the file it names.
Result<std::string> Pem(const std::string& data, const std::string& path) {
  if (!data.empty() || path.empty()) return data;
  return ReadFile(path);
}

// The same where certificates are wanted. Later nobody knows which file it was.
Result<std::string> CertificatesIn(const std::string& data, const std::string& path) {
  std::string pem = TRY(Pem(data, path));
  if (!data.empty() || path.empty() || !SplitCertificates(pem).empty()) return pem;
  return Fail(Reason::kInvalid, path + ": no certificate, in PEM, is in it");
}

std::vector<std::string> Texts(const Json& list) {
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const Json& each : list) {
    if (each.is_string()) texts.push_back(each.get<std::string>());
  }
  return texts;
}

// The first of those names that says something.
std::string FirstGiven(const Json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = object.find(name);
    if (found != object.end() && !found->empty() && *found != Json("")) return name;
  }
  return "";
}

void ReadImpersonation(const Json& entry, Kubeconfig::User& user) {
  user.as.user = TextAt(entry, "as");
  user.as.uid = TextAt(entry, "as-uid");
  if (const auto groups = entry.find("as-groups"); groups != entry.end()) {
    user.as.groups = Texts(*groups);
  }
  const auto extra = entry.find("as-user-extra");
  if (extra == entry.end() || !extra->is_object()) return;
  for (const auto& [key, values] : extra->items()) user.as.extra[key] = Texts(values);
}

// Calls `add` with the name and the inner object of each entry of a list like "clusters".
Result<> ForEach(const Json& config, const char* list, const char* inner,
                 const std::function<Result<>(const std::string&, const Json&)>& add) {
  const auto entries = config.find(list);
  if (entries == config.end() || !entries->is_array()) return {};
  for (const Json& entry : *entries) {
    if (!entry.is_object()) continue;
    const auto value = entry.find(inner);
    const Json empty = Json::object();
    TRY(add(TextAt(entry, "name"), value != entry.end() && value->is_object() ? *value : empty));
  }
  return {};
}

// As client-go writes a key into a header's name.
std::string HeaderKey(std::string_view key) {
  constexpr std::string_view kPlain = "!#$&'*+-.^_`|~";
  std::string escaped;
  for (const char c : key) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kPlain.find(c) != std::string_view::npos;
    escaped += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return escaped;
}

void Put(Json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = value;
}

void PutData(Json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = EncodeBase64(value);
}

// Of the extension of that name.
Json ExecConfig(const Json& cluster) {
  Json config;
  (void)ForEach(cluster, "extensions", "extension",
                [&](const std::string& name, const Json& extension) -> Result<> {
                  if (name == "client.authentication.k8s.io/exec") config = extension;
                  return {};
                });
  return config;
}

// As a credential plugin is told of it.
Json ExecCluster(const Kubeconfig::Cluster& cluster, const std::string& authority_pem) {
  Json out = {{"server", cluster.server}};
  Put(out, "tls-server-name", cluster.tls_server_name);
  if (cluster.insecure_skip_tls_verify) out["insecure-skip-tls-verify"] = true;
  PutData(out, "certificate-authority-data", authority_pem);
  Put(out, "proxy-url", cluster.proxy_url);
  out["config"] = cluster.exec_config;
  return out;
}

bool SaysWhoAsks(const HttpsOptions& options) {
  return !options.token.empty() || !options.token_file.empty() || !options.username.empty() ||
         !options.client_certificate.empty();
}

Json ToDocument(const Kubeconfig::Cluster& cluster) {
  Json out = Json::object();
  PutData(out, "certificate-authority-data", cluster.certificate_authority_data);
  Put(out, "certificate-authority", cluster.certificate_authority);
  if (cluster.insecure_skip_tls_verify) out["insecure-skip-tls-verify"] = true;
  out["server"] = cluster.server;
  Put(out, "tls-server-name", cluster.tls_server_name);
  Put(out, "proxy-url", cluster.proxy_url);
  return out;
}

Json ToDocument(const Kubeconfig::User& user) {
  Json out = Json::object();
  PutData(out, "client-certificate-data", user.client_certificate_data);
  Put(out, "client-certificate", user.client_certificate);
  PutData(out, "client-key-data", user.client_key_data);
  Put(out, "client-key", user.client_key);
  Put(out, "token", user.token);
  Put(out, "tokenFile", user.token_file);
  Put(out, "username", user.username);
  Put(out, "password", user.password);
  return out;
}

Json ToDocument(const Kubeconfig::Context& context) {
  Json out = {{"cluster", context.cluster}, {"user", context.user}};
  Put(out, "namespace", context.namespace_);
  return out;
}

template <typename Entry>
Json Listed(const std::map<std::string, Entry>& entries, const char* inner) {
  Json list = Json::array();
  for (const auto& [name, entry] : entries) {
    list.push_back({{"name", name}, {inner, ToDocument(entry)}});
  }
  return list;
}

}  // namespace

Result<> Kubeconfig::CheckKind(const Json& document) {
  const std::string version = TextAt(document, "apiVersion");
  const std::string kind = TextAt(document, "kind");
  if ((version.empty() || version == "v1") && (kind.empty() || kind == "Config")) return {};
  const TypeMeta self{version.empty() ? "v1" : version, kind.empty() ? "Config" : kind};
  return Fail(Reason::kInvalid, NoKindRegistered(self, kRuntimeScheme));
}

Result<Kubeconfig> Kubeconfig::Parse(const std::string& text, const std::string& directory,
                                     Check check) {
  const auto document = TRY(ParseYaml(text));
  const Json& config = document.value;
  Kubeconfig parsed;
  if (config.is_null()) return parsed;
  if (!config.is_object()) return Fail(Reason::kInvalid, "a kubeconfig must be a map");
  TRY(CheckKind(config));
  if (check) TRY(check(config));
  TRY(ForEach(
      config, "clusters", "cluster", [&](const std::string& name, const Json& entry) -> Result<> {
        Cluster& cluster = parsed.clusters[name];
        cluster.server = TextAt(entry, "server");
        cluster.certificate_authority = PathOf(entry, "certificate-authority", directory);
        const std::string owner = "cluster " + GoQuote(name);
        cluster.certificate_authority_data =
            TRY(Decoded64(entry, "certificate-authority-data", owner));
        cluster.tls_server_name = TextAt(entry, "tls-server-name");
        const auto insecure = entry.find("insecure-skip-tls-verify");
        cluster.insecure_skip_tls_verify =
            insecure != entry.end() && insecure->is_boolean() && insecure->get<bool>();
        cluster.proxy_url = TextAt(entry, "proxy-url");
        cluster.exec_config = ExecConfig(entry);
        return {};
      }));
  TRY(ForEach(config, "users", "user", [&](const std::string& name, const Json& entry) -> Result<> {
    User& user = parsed.users[name];
    const std::string owner = "user " + GoQuote(name);
    user.client_certificate = PathOf(entry, "client-certificate", directory);
    user.client_certificate_data = TRY(Decoded64(entry, "client-certificate-data", owner));
    user.client_key = PathOf(entry, "client-key", directory);
    user.client_key_data = TRY(Decoded64(entry, "client-key-data", owner));
    user.token = TextAt(entry, "token");
    user.token_file = PathOf(entry, "tokenFile", directory);
    user.username = TextAt(entry, "username");
    user.password = TextAt(entry, "password");
    ReadImpersonation(entry, user);
    user.unsupported = FirstGiven(entry, {"auth-provider"});
    if (!FirstGiven(entry, {"exec"}).empty()) {
      user.exec = ExecPlugin::FromJson(entry.at("exec"), directory);
    }
    return {};
  }));
  TRY(ForEach(config, "contexts", "context",
              [&](const std::string& name, const Json& entry) -> Result<> {
                parsed.contexts[name] = {TextAt(entry, "cluster"), TextAt(entry, "user"),
                                         TextAt(entry, "namespace")};
                return {};
              }));
  parsed.current_context = TextAt(config, "current-context");
  return parsed;
}

Result<Kubeconfig> Kubeconfig::Load(const std::string& path, Check check) {
  const auto text = TRY(ReadFile(path));
  std::error_code no_directory;  // The working directory is gone.
  return Parse(text, std::filesystem::absolute(path, no_directory).parent_path().string(), check);
}

std::string Kubeconfig::ToYaml() const {
  return DumpYaml({{"apiVersion", "v1"},
                   {"kind", "Config"},
                   {"preferences", Json::object()},
                   {"clusters", Listed(clusters, "cluster")},
                   {"users", Listed(users, "user")},
                   {"contexts", Listed(contexts, "context")},
                   {"current-context", current_context}});
}

void Kubeconfig::MergeFrom(const Kubeconfig& other) {
  clusters.insert(other.clusters.begin(), other.clusters.end());
  users.insert(other.users.begin(), other.users.end());
  contexts.insert(other.contexts.begin(), other.contexts.end());
  if (current_context.empty()) current_context = other.current_context;
}

Result<HttpsOptions> Kubeconfig::Options(const std::string& context) const {
  const std::string& name = context.empty() ? current_context : context;
  HttpsOptions options;
  options.server = "http://localhost:8080";  // What kubectl falls back to.
  if (name.empty()) return options;
  const auto chosen = contexts.find(name);
  if (chosen == contexts.end()) {
    return Fail(Reason::kInvalid, fmt::format("context \"{}\" does not exist", name));
  }
  const auto cluster = clusters.find(chosen->second.cluster);
  if (cluster == clusters.end()) {
    return Fail(Reason::kInvalid,
                fmt::format("cluster \"{}\" does not exist", chosen->second.cluster));
  }
  options.proxy_url = cluster->second.proxy_url;
  if (!options.proxy_url.empty()) {
    if (const auto proxy = ParseProxyUrl(options.proxy_url); !proxy) {
      return Fail(Reason::kInvalid, fmt::format("invalid 'proxy-url' {} for cluster {}: {}",
                                                GoQuote(options.proxy_url), GoQuote(cluster->first),
                                                proxy.error().message));
    }
  }
  options.server = cluster->second.server;
  options.tls_server_name = cluster->second.tls_server_name;
  options.insecure_skip_tls_verify = cluster->second.insecure_skip_tls_verify;
  options.certificate_authority = TRY(CertificatesIn(cluster->second.certificate_authority_data,
                                                     cluster->second.certificate_authority));
  if (chosen->second.user.empty()) return options;
  const auto user = users.find(chosen->second.user);
  if (user == users.end()) {
    return Fail(Reason::kInvalid,
                fmt::format("auth info \"{}\" does not exist", chosen->second.user));
  }
  if (!user->second.unsupported.empty()) {
    return Fail(Reason::kInvalid,
                fmt::format("auth info \"{}\" has its credentials from {}, which is not supported: "
                            "give a token, or a client certificate",
                            user->first, user->second.unsupported));
  }
  options.impersonation = TRY(ImpersonationHeaders(user->second.as, user->first));
  options.client_certificate =
      TRY(CertificatesIn(user->second.client_certificate_data, user->second.client_certificate));
  options.client_key = TRY(Pem(user->second.client_key_data, user->second.client_key));
  options.token = user->second.token;
  options.token_file = user->second.token_file;
  options.username = user->second.username;
  options.password = user->second.password;
  if (!user->second.exec || SaysWhoAsks(options)) return options;
  ExecPlugin plugin = *user->second.exec;
  const auto problems = plugin.Problems(user->first);
  if (!problems.empty()) {
    return Fail(Reason::kInvalid,
                fmt::format("invalid configuration: {}", fmt::join(problems, ", ")));
  }
  plugin.cluster = ExecCluster(cluster->second, options.certificate_authority);
  options.credentials = TRY(MakeExecCredentials(std::move(plugin)));
  return options;
}

Result<http::Headers> ImpersonationHeaders(const Kubeconfig::User::Impersonation& as,
                                           const std::string& user_name) {
  http::Headers headers;
  if (as == Kubeconfig::User::Impersonation()) return headers;
  if (as.user.empty()) {
    return Fail(Reason::kInvalid,
                fmt::format("requesting uid, groups or user-extra for {} without impersonating a "
                            "user",
                            user_name));
  }
  headers.emplace("Impersonate-User", as.user);
  if (!as.uid.empty()) headers.emplace("Impersonate-Uid", as.uid);
  for (const std::string& group : as.groups) headers.emplace("Impersonate-Group", group);
  for (const auto& [key, values] : as.extra) {
    for (const std::string& value : values) {
      headers.emplace("Impersonate-Extra-" + HeaderKey(key), value);
    }
  }
  return headers;
}

std::string Kubeconfig::Namespace(const std::string& context) const {
  const auto found = contexts.find(context.empty() ? current_context : context);
  const bool named = found != contexts.end() && !found->second.namespace_.empty();
  return named ? found->second.namespace_ : "default";
}

Result<Kubeconfig> LoadKubeconfig(const std::string& explicit_path,
                                  const std::string& kubeconfig_variable, const std::string& home,
                                  Kubeconfig::Check check) {
  const auto load = [check](const std::string& path) -> Result<Kubeconfig> {
    auto config = Kubeconfig::Load(path, check);
    if (config) return config;
    return Fail(config.error().reason,
                fmt::format("error loading config file \"{}\": {}", path, config.error().message));
  };
  if (!explicit_path.empty()) return load(explicit_path);
  std::string list = kubeconfig_variable;
  if (list.empty() && !home.empty()) list = home + "/.kube/config";
  Kubeconfig merged;
  std::istringstream paths(list);
  for (std::string path; std::getline(paths, path, ':');) {
    // Where it cannot be known whether there is one, loading it says why.
    std::error_code unknown;
    if (path.empty() || (!std::filesystem::exists(path, unknown) && !unknown)) continue;
    const auto config = TRY(load(path));
    merged.MergeFrom(config);
  }
  return merged;
}

Result<HttpsOptions> InClusterOptions(const std::string& host, const std::string& port,
                                      const std::string& directory) {
  if (host.empty() || port.empty()) {
    return Fail(Reason::kInvalid,
                "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
                "KUBERNETES_SERVICE_PORT must be defined");
  }
  HttpsOptions options;
  const bool ipv6 = host.find(':') != std::string::npos;
  options.server = fmt::format("https://{}:{}", ipv6 ? "[" + host + "]" : host, port);
  options.token_file = directory + "/token";
  options.token = TRY(ReadFile(options.token_file));
  options.certificate_authority = TRY(CertificatesIn("", directory + "/ca.crt"));
  return options;
}

}  // namespace skiff
