#include "cli/session.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <utility>

#include "api/text/go_text.h"
#include "base/shell_word.h"
#include "base/version.h"
#include "cli/config_types.h"
#include "cli/file_text.h"
#include "cli/request_log.h"
#include "cli/version_match.h"

namespace skiff::cli {
namespace {

constexpr char kServiceAccountDirectory[] = "/var/run/secrets/kubernetes.io/serviceaccount";

tl::unexpected<Error> ConfigError(const std::string& text) {
  return PlainError("Error in configuration: " + text);
}

// `owner`: the cluster or user of the kubeconfig that it is for.
Result<std::string> ReadNamed(const std::string& path, const std::string& what,
                              const std::string& owner) {
  auto text = FileText(path);
  if (text) return *std::move(text);
  return CliError(
      fmt::format("unable to read {} {} for {} due to open {}: no such file or directory", what,
                  path, owner, path));
}

// What stands in --server, where it cannot be one.
Result<> CheckServer(const std::string& text) {
  const size_t at = text.find("://");
  const std::string scheme = at == std::string::npos ? "" : text.substr(0, at);
  const std::string rest = at == std::string::npos ? text : text.substr(at + 3);
  const std::string host = rest.substr(0, rest.find('/'));
  if (host.empty() || at == 0) {
    return CliError("host must be a URL or a host:port pair: " + GoQuote(text));
  }
  if (!scheme.empty() && scheme != "http" && scheme != "https") {
    return PlainError("Unable to connect to the server: unsupported protocol scheme " +
                      GoQuote(scheme));
  }
  const size_t colon = host.rfind(':');
  if (colon == std::string::npos || host.find(']', colon) != std::string::npos) return {};
  const std::string port = host.substr(colon + 1);
  if (port.find_first_not_of("0123456789") == std::string::npos) return {};
  return PlainError(
      fmt::format("Unable to connect to the server: invalid port \":{}\" after host", port));
}

Result<int> TimeoutMs(const std::string& text) {
  int seconds = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (code == std::errc() && end == text.data() + text.size()) {
    if (seconds >= kNoTimeoutMs / 1000) return kNoTimeoutMs;
    if (seconds >= 0) return seconds > 0 ? seconds * 1000 : kNoTimeoutMs;
  }
  const auto duration = ParseGoDuration(text);
  if (!duration) {
    return CliError(fmt::format(
        "Invalid timeout value. Timeout must be a single integer in seconds, or an integer "
        "followed by a corresponding time unit (e.g. 1s | 2m | 3h)"));
  }
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(*duration).count();
  return ms > 0 && ms < kNoTimeoutMs ? static_cast<int>(ms) : kNoTimeoutMs;
}

Result<> ApplyUserFlags(const GlobalFlags& flags, const std::string& user, HttpsOptions& options) {
  if (!flags.token.empty() && !flags.username.empty()) {
    return CliError(
        fmt::format("more than one authentication method found for {}; found [token "
                    "basicAuth], only one is allowed",
                    user));
  }
  if (!flags.token.empty()) {
    options.token = flags.token;
    options.token_file.clear();
  }
  if (!flags.client_certificate.empty()) {
    options.client_certificate = TRY(ReadNamed(flags.client_certificate, "client-cert", user));
  }
  if (!flags.client_key.empty()) {
    options.client_key = TRY(ReadNamed(flags.client_key, "client-key", user));
  }
  if (!flags.username.empty()) options.username = flags.username;
  if (!flags.password.empty()) options.password = flags.password;
  return {};
}

Result<> ApplyClusterFlags(const GlobalFlags& flags, const std::string& cluster,
                           HttpsOptions& options) {
  if (!flags.server.empty()) {
    TRY(CheckServer(flags.server));
    options.server = flags.server;
  }
  if (!flags.certificate_authority.empty()) {
    options.certificate_authority =
        TRY(ReadNamed(flags.certificate_authority, "certificate-authority", cluster));
  }
  if (!flags.tls_server_name.empty()) options.tls_server_name = flags.tls_server_name;
  if (flags.insecure_skip_tls_verify) {
    options.insecure_skip_tls_verify = true;
    options.certificate_authority.clear();
  }
  return {};
}

// Of the configuration's user, with what flags say instead.
Result<http::Headers> ImpersonationOf(const GlobalFlags& flags, Kubeconfig::User::Impersonation as,
                                      const std::string& user_name) {
  if (!flags.as.empty()) as.user = flags.as;
  if (!flags.as_uid.empty()) as.uid = flags.as_uid;
  if (!flags.as_groups.empty()) as.groups = flags.as_groups;
  decltype(as.extra) extra;
  for (const std::string& pair : flags.as_user_extra) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) continue;  // As kubectl takes it.
    extra[pair.substr(0, equals)].push_back(pair.substr(equals + 1));
  }
  for (auto& [key, values] : extra) as.extra[key] = std::move(values);
  auto headers = ImpersonationHeaders(as, user_name);
  if (!headers) return CliError(headers.error().message);
  return headers;
}

bool HasCredentials(const GlobalFlags& flags) {
  return !flags.token.empty() || !flags.client_certificate.empty() || !flags.username.empty();
}

Result<> CheckExec(const std::string& user, const ExecPlugin& plugin) {
  const auto problems = plugin.Problems(user);
  if (problems.empty()) return {};
  if (problems.size() == 1) return CliError(problems[0]);
  return ConfigError(fmt::format("\n* {}", fmt::join(problems, "\n* ")));
}

bool SaysNothing(const Kubeconfig& config) {
  return config.clusters.empty() && config.users.empty() && config.contexts.empty();
}

// Whether flags say which server, or what of a kubeconfig: others' credentials are not sent there.
bool NamesAnother(const GlobalFlags& flags) {
  return !flags.server.empty() || !flags.context.empty() || !flags.cluster.empty() ||
         !flags.user.empty();
}

// Whether nothing says which cluster is meant, so that it is this machine's. `files`: KUBECONFIG,
// which `config` was read by.
bool MeansHere(Environment& environment, const GlobalFlags& flags, const std::string& files,
               const Kubeconfig& config) {
  return !environment.kubeconfig_here.empty() && flags.kubeconfig.empty() && files.empty() &&
         !NamesAnother(flags) && SaysNothing(config) &&
         environment.variable("KUBERNETES_SERVICE_HOST").empty();
}

// What to do with a KUBECONFIG that names nothing. Without it another cluster may be meant than
// this machine's: that of ~/.kube/config, or the one that we run in.
std::string InPlaceOfVariable(Environment& environment, const GlobalFlags& flags) {
  const std::string& here = environment.kubeconfig_here;
  if (access(here.c_str(), R_OK) != 0) return "unset it, or set it anew";
  const auto without = LoadKubeconfig("", "", environment.variable("HOME"));
  if (without && MeansHere(environment, flags, "", *without)) {
    return "unset it, and this machine's cluster is meant";
  }
  return "export KUBECONFIG=" + ShellWord(here) + " means this machine's cluster";
}

// Where a kubeconfig is followed that nobody named on the command line, and one of this machine has
// another address: that one; else "". It may be another name of the same server, or of none.
std::string AddressHere(Environment& environment, const GlobalFlags& flags,
                        const Kubeconfig& config) {
  const std::string& here = environment.kubeconfig_here;
  if (here.empty() || access(here.c_str(), R_OK) != 0 || !flags.kubeconfig.empty() ||
      NamesAnother(flags) || SaysNothing(config)) {
    return "";
  }
  const auto own = Kubeconfig::Load(here);
  if (!own) return "";
  const auto server = [](const Kubeconfig& of) -> std::string {
    const auto context = of.contexts.find(of.current_context);
    if (context == of.contexts.end()) return "";
    const auto cluster = of.clusters.find(context->second.cluster);
    return cluster == of.clusters.end() ? "" : cluster->second.server;
  };
  const std::string followed = server(config);
  const std::string address = server(*own);
  return followed.empty() || followed == address ? "" : address;
}

// Where KUBECONFIG, and nothing else, says which cluster is meant, and its files name none: that;
// else
// "". It is left over from a cluster that is gone, or misspelt.
std::string EmptyVariable(Environment& environment, const GlobalFlags& flags,
                          const Kubeconfig& config) {
  const std::string files = environment.variable("KUBECONFIG");
  if (environment.kubeconfig_here.empty() || files.empty() || !flags.kubeconfig.empty() ||
      NamesAnother(flags) || !SaysNothing(config)) {
    return "";
  }
  const bool is_one = files.find(':') == std::string::npos;
  const bool is_there = access(files.c_str(), F_OK) == 0;
  const std::string_view what = !is_one    ? "files that name no cluster"
                                : is_there ? "a file that names no cluster"
                                           : "a file that does not exist";
  return fmt::format("KUBECONFIG={} names {}: {}\n", files, what,
                     InPlaceOfVariable(environment, flags));
}

// The namespace that a pod's service account is in.
std::string PodNamespace(Environment& environment) {
  std::string name = environment.variable("POD_NAMESPACE");
  if (name.empty()) {
    std::ifstream file(std::string(kServiceAccountDirectory) + "/namespace");
    std::getline(file, name);
  }
  return name.empty() ? "default" : name;
}

// The context that counts, as one of its own with the clusters and users that flags name.
Result<Kubeconfig::Context> ChosenContext(const Kubeconfig& config, const GlobalFlags& flags) {
  Kubeconfig::Context chosen;
  const std::string& name = flags.context.empty() ? config.current_context : flags.context;
  if (!name.empty()) {
    const auto found = config.contexts.find(name);
    if (found != config.contexts.end()) {
      chosen = found->second;
    } else {
      return ConfigError("context was not found for specified context: " + name);
    }
  }
  if (!flags.cluster.empty()) chosen.cluster = flags.cluster;
  if (!flags.user.empty()) chosen.user = flags.user;
  return chosen;
}

}  // namespace

Result<Kubeconfig> LoadConfig(Environment& environment, const GlobalFlags& flags) {
  std::error_code unknown;
  if (!flags.kubeconfig.empty() && !std::filesystem::exists(flags.kubeconfig, unknown) &&
      !unknown) {
    return CliError(fmt::format("stat {}: no such file or directory", flags.kubeconfig));
  }
  Kubeconfig config = TRY(LoadKubeconfig(flags.kubeconfig, environment.variable("KUBECONFIG"),
                                         environment.variable("HOME"), &CheckConfigTypes));
  const std::string& here = environment.kubeconfig_here;
  const std::string files = environment.variable("KUBECONFIG");
  const bool is_here =
      MeansHere(environment, flags, files, config) && access(here.c_str(), R_OK) == 0;
  return is_here ? Kubeconfig::Load(here) : std::move(config);
}

std::string WhatBringsACluster(Environment& environment, const GlobalFlags& flags) {
  const auto config = LoadKubeconfig(flags.kubeconfig, environment.variable("KUBECONFIG"),
                                     environment.variable("HOME"));
  if (!config) return "";
  if (environment.how_to_start && flags.server.empty() && flags.cluster.empty()) {
    const std::string how = environment.how_to_start(flags.kubeconfig, flags.context);
    if (!how.empty()) return how + "\n";
  }
  if (const std::string address = AddressHere(environment, flags, *config); !address.empty()) {
    const std::string& variable = environment.variable("KUBECONFIG");
    return fmt::format(
        "That is the address in {}. The cluster that was made on this machine has {} in its "
        "kubeconfig: export KUBECONFIG={}\n",
        variable.empty() ? "~/.kube/config" : "KUBECONFIG=" + variable, address,
        ShellWord(environment.kubeconfig_here));
  }
  if (const std::string named = EmptyVariable(environment, flags, *config); !named.empty()) {
    return named;
  }
  if (!MeansHere(environment, flags, environment.variable("KUBECONFIG"), *config)) return "";
  if (access(environment.kubeconfig_here.c_str(), R_OK) == 0) {
    return "It is the cluster that was made on this machine: `skiff status` says how it is, and "
           "what to do.\n";
  }
  return fmt::format(
      "No kubeconfig names a cluster, and {} is not there: `skiff up` makes one. Of one made with "
      "--data-dir: export KUBECONFIG=DIRECTORY/admin.kubeconfig\n",
      environment.kubeconfig_here);
}

std::shared_ptr<const ProxyEnvironment> ProxiesOf(Environment& environment) {
  return std::make_shared<const ProxyEnvironment>(
      ProxyEnvironment::From([&](const char* name) { return environment.variable(name); }));
}

Result<Connection> ResolveConnection(Environment& environment, const GlobalFlags& flags) {
  Kubeconfig config = TRY(LoadConfig(environment, flags));
  Connection connection;
  Kubeconfig::Context named;  // Whose cluster and user are spoken of.
  const std::string host = environment.variable("KUBERNETES_SERVICE_HOST");
  const std::string token_path = std::string(kServiceAccountDirectory) + "/token";
  std::error_code unseen;
  if (SaysNothing(config) && !host.empty() && std::filesystem::exists(token_path, unseen)) {
    connection.options = TRY(InClusterOptions(host, environment.variable("KUBERNETES_SERVICE_PORT"),
                                              kServiceAccountDirectory));
    connection.namespace_ = PodNamespace(environment);
    connection.namespace_named = true;
    connection.impersonation = TRY(ImpersonationOf(flags, {}, ""));
  } else {
    const auto chosen = TRY(ChosenContext(config, flags));
    named = chosen;
    if (!chosen.cluster.empty() && !config.clusters.contains(chosen.cluster)) {
      if (flags.server.empty()) {
        return CliError(fmt::format("no server found for cluster {}", GoQuote(chosen.cluster)));
      }
      config.clusters[chosen.cluster] = {};
    }
    if (!chosen.user.empty() && !config.users.contains(chosen.user)) {
      return CliError(fmt::format("auth info {} does not exist", GoQuote(chosen.user)));
    }
    Kubeconfig::User::Impersonation as;
    if (const auto user = config.users.find(chosen.user); user != config.users.end()) {
      if (HasCredentials(flags)) {
        user->second.unsupported.clear();
        user->second.exec.reset();
      }
      if (user->second.exec) {
        TRY(CheckExec(chosen.user, *user->second.exec));
        user->second.exec->policy = environment.exec_policy;
        user->second.exec->input_taken = [&environment] { return environment.input_taken; };
        connection.wants_input =
            user->second.exec->interactive_mode == "Always" && isatty(STDIN_FILENO) != 0;
      }
      as = std::exchange(user->second.as, {});
    }
    connection.impersonation = TRY(ImpersonationOf(flags, std::move(as), chosen.user));
    connection.options.server = "http://localhost:8080";
    if (!chosen.cluster.empty() || !chosen.user.empty()) {
      if (chosen.cluster.empty()) config.clusters[""].server = connection.options.server;
      if (chosen.user.empty()) config.users[""] = {};
      config.contexts["\x01"] = chosen;
      connection.options = TRY(config.Options("\x01"));
    }
    if (!chosen.namespace_.empty()) connection.namespace_ = chosen.namespace_;
    connection.namespace_named = !chosen.namespace_.empty();
  }
  connection.options.proxies = ProxiesOf(environment);
  TRY(ApplyClusterFlags(flags, named.cluster, connection.options));
  TRY(ApplyUserFlags(flags, named.user, connection.options));
  connection.options.request_timeout_ms = TRY(TimeoutMs(flags.request_timeout));
  if (!flags.namespace_.empty()) {
    connection.namespace_ = flags.namespace_;
    connection.namespace_named = true;
  }
  return connection;
}

Result<std::unique_ptr<Session>> Session::Open(Environment& environment, const GlobalFlags& flags,
                                               const std::string& verb) {
  Connection connection = TRY(ResolveConnection(environment, flags));
  http::Headers headers = {{"User-Agent", fmt::format("kubectl/{} (linux/amd64) skiff/{}",
                                                      kKubernetesRelease, kSkiffVersion)},
                           {"Kubectl-Command", "kubectl " + verb}};
  headers.insert(connection.impersonation.begin(), connection.impersonation.end());
  auto transport = environment.connect(connection.options);
  if (!transport) return CliError(transport.error().message);
  if (environment.verbosity >= kLogsRequests) {
    *transport = LogRequests(*std::move(transport), environment, connection.options);
  }
  std::unique_ptr<Session> session(new Session(environment, std::move(connection.options),
                                               std::move(*transport), std::move(headers)));
  session->impersonation_ = std::move(connection.impersonation);
  session->namespace__ = connection.namespace_;
  session->namespace_given_ = !flags.namespace_.empty();
  session->namespace_named_ = connection.namespace_named;
  session->wants_input_ = connection.wants_input;
  if (flags.match_server_version) TRY(CheckServerVersion(session->api()));
  return session;
}

}  // namespace skiff::cli
