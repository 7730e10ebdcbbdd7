#include "client/exec_credential.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/process.h"

namespace skiff {
namespace {

constexpr char kV1[] = "client.authentication.k8s.io/v1";
constexpr char kV1Beta1[] = "client.authentication.k8s.io/v1beta1";
constexpr char kInfoVariable[] = "KUBERNETES_EXEC_INFO";
// A browser may have to be opened, and a second factor found.
constexpr Duration kTimeout = 1h;
constexpr size_t kAnswerBytesMax = 1u << 20;
constexpr char kNotInstalled[] =
    "\n\nIt looks like you are trying to use a client-go credential plugin that is not installed."
    "\n\nTo learn more about this feature, consult the documentation available at:\n"
    "      https://kubernetes.io/docs/reference/access-authn-authz/authentication/"
    "#client-go-credential-plugins";

std::string Clean(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

// By the command as it stands, or by the program that it comes to.
bool IsListed(const std::vector<std::string>& allowlist, const std::string& command,
              const std::string& program) {
  return std::any_of(allowlist.begin(), allowlist.end(), [&](const std::string& name) {
    return name == command || name == program || FindProgram(name) == program;
  });
}

class ExecCredentials final : public CredentialSource {
 public:
  explicit ExecCredentials(ExecPlugin plugin) : plugin_(std::move(plugin)) {
    plugin_.command = Clean(plugin_.command);
  }

  Result<Credentials> Get() override {
    const MutexLock lock(mutex_);
    const bool expired = expires_ && clock_.Now() > *expires_;
    if (!cached_ || expired) TRY(Run());
    return *cached_;
  }

  void Refused(const Credentials& credentials) override {
    const MutexLock lock(mutex_);
    // Somebody else may have got new ones meanwhile.
    if (cached_ && *cached_ == credentials) cached_.reset();
  }

 private:
  Result<bool> IsInteractive() const {
    if (plugin_.interactive_mode == "Never") return false;
    const bool terminal = isatty(STDIN_FILENO) != 0;
    if (plugin_.interactive_mode == "Always" && !terminal) {
      return Fail(Reason::kInvalid,
                  "exec plugin cannot support interactive mode: standard input is not a terminal");
    }
    if (!plugin_.input_taken || !plugin_.input_taken()) return terminal;
    if (plugin_.interactive_mode == "Always") return Fail(Reason::kInvalid, kExecInputTaken);
    return false;
  }

  Result<std::string> FindAllowed() const {
    const std::string& command = plugin_.command;
    const auto program = FindProgram(command);
    const ExecPolicy& policy = plugin_.policy;
    if (policy.kind == ExecPolicy::Kind::kDenyAll) {
      return Fail(Reason::kForbidden,
                  fmt::format("plugin {} not allowed: policy set to \"DenyAll\"",
                              GoQuote(command)));
    }
    if (!program) {
      const std::string hint = plugin_.install_hint.empty() ? "" : "\n\n" + plugin_.install_hint;
      return Fail(Reason::kNotFound, fmt::format("exec: executable {} not found{}{}", command,
                                                 kNotInstalled, hint));
    }
    if (policy.kind == ExecPolicy::Kind::kAllowlist &&
        !IsListed(policy.allowlist, command, *program)) {
      return Fail(Reason::kForbidden,
                  fmt::format("plugin path {} is not permitted by the credential plugin allowlist",
                              GoQuote(*program)));
    }
    return *program;
  }

  // What it is told.
  std::string Request(bool interactive) const {
    Json spec = {{"interactive", interactive}};
    if (plugin_.provide_cluster_info) spec["cluster"] = plugin_.cluster;
    return DumpJson(
        {{"kind", "ExecCredential"}, {"apiVersion", plugin_.api_version}, {"spec", spec}});
  }

  Result<> Run() REQUIRES(mutex_) {
    const bool interactive = TRY(IsInteractive());
    ProcessSpec spec;
    spec.argv = {TRY(FindAllowed())};
    spec.argv.insert(spec.argv.end(), plugin_.args.begin(), plugin_.args.end());
    spec.environment = plugin_.environment;
    spec.environment.emplace_back(kInfoVariable, Request(interactive));
    spec.timeout = kTimeout;
    spec.output_bytes_max = kAnswerBytesMax;
    spec.keeps_stderr = true;
    spec.keeps_stdin = interactive;
    auto output = RunProcess(spec);
    if (!output) return Fail(output.error().reason, "exec: " + output.error().message);
    if (output->exit_code != 0) {
      return Fail(Reason::kUnauthorized,
                  fmt::format("exec: executable {} failed with exit code {}", plugin_.command,
                              output->exit_code));
    }
    return Read(output->out);
  }

  Result<> Read(const std::string& text) REQUIRES(mutex_) {
    const auto answer = ParseJson(text);
    if (!answer) {
      return Refuse("decoding stdout: couldn't get version/kind; json parse error: " +
                    answer.error().message);
    }
    const std::string version = TextAt(*answer, "apiVersion");
    // Without a kind it is what was asked for, as for client-go.
    const std::string kind = TextAt(*answer, "kind");
    if (version.empty() || (!kind.empty() && kind != "ExecCredential")) {
      return Refuse("decoding stdout: it is no ExecCredential of " + plugin_.api_version);
    }
    if (version != plugin_.api_version) {
      return Refuse(fmt::format("exec plugin is configured to use API version {}, plugin returned "
                                "version {}",
                                plugin_.api_version, version));
    }
    const auto status = answer->find("status");
    if (status == answer->end() || !status->is_object()) {
      return Refuse("exec plugin didn't return a status field");
    }
    Credentials given{TextAt(*status, "token"), TextAt(*status, "clientCertificateData"),
                      TextAt(*status, "clientKeyData")};
    if (given == Credentials()) {
      return Refuse("exec plugin didn't return a token or cert/key pair");
    }
    if (given.certificate_pem.empty() != given.key_pem.empty()) {
      return Refuse("exec plugin returned only certificate or key, not both");
    }
    expires_.reset();
    if (const std::string until = TextAt(*status, "expirationTimestamp"); !until.empty()) {
      const auto time = Time::Parse(until);
      if (!time) return Refuse("decoding stdout: " + time.error().message);
      expires_ = time->point();
    }
    cached_ = std::move(given);
    return {};
  }

  static tl::unexpected<Error> Refuse(const std::string& why) {
    return Fail(Reason::kUnauthorized, why);
  }

  ExecPlugin plugin_;
  const SystemClock clock_;
  Mutex mutex_;  // Also of the program: who is asked something is asked once.
  std::optional<Credentials> cached_ GUARDED_BY(mutex_);
  std::optional<TimePoint> expires_ GUARDED_BY(mutex_);
};

}  // namespace

ExecPlugin ExecPlugin::FromJson(const Json& entry, const std::string& directory) {
  ExecPlugin plugin;
  plugin.api_version = TextAt(entry, "apiVersion");
  plugin.command = TextAt(entry, "command");
  // A name alone is looked for in PATH.
  if (plugin.command.find('/') != std::string::npos && !plugin.command.starts_with('/')) {
    plugin.command = (std::filesystem::path(directory) / plugin.command).string();
  }
  if (const auto args = entry.find("args"); args != entry.end() && args->is_array()) {
    for (const Json& arg : *args) {
      if (arg.is_string()) plugin.args.push_back(arg.get<std::string>());
    }
  }
  if (const auto variables = entry.find("env"); variables != entry.end()) {
    for (const Json& variable : *variables) {
      plugin.environment.emplace_back(TextAt(variable, "name"), TextAt(variable, "value"));
    }
  }
  plugin.install_hint = TextAt(entry, "installHint");
  plugin.interactive_mode = TextAt(entry, "interactiveMode");
  // The older version did without.
  if (plugin.interactive_mode.empty() && plugin.api_version == kV1Beta1) {
    plugin.interactive_mode = "IfAvailable";
  }
  const auto provide = entry.find("provideClusterInfo");
  plugin.provide_cluster_info = provide != entry.end() && *provide == Json(true);
  return plugin;
}

std::vector<std::string> ExecPlugin::Problems(const std::string& user) const {
  std::vector<std::string> problems;
  const auto missing = [&](const char* what) {
    problems.push_back(
        fmt::format("{} must be specified for {} to use exec authentication plugin", what, user));
  };
  if (command.empty()) missing("command");
  if (api_version.empty()) missing("apiVersion");
  for (const auto& [name, value] : environment) {
    if (name.empty()) missing("env variable name");
  }
  const std::string& mode = interactive_mode;
  if (mode.empty()) {
    missing("interactiveMode");
  } else if (mode != "Never" && mode != "IfAvailable" && mode != "Always") {
    problems.push_back(fmt::format("invalid interactiveMode for {}: {}", user, GoQuote(mode)));
  }
  return problems;
}

Result<std::shared_ptr<CredentialSource>> MakeExecCredentials(ExecPlugin plugin) {
  if (plugin.api_version != kV1 && plugin.api_version != kV1Beta1) {
    return Fail(Reason::kInvalid,
                fmt::format("exec plugin: invalid apiVersion {}", GoQuote(plugin.api_version)));
  }
  return std::make_shared<ExecCredentials>(std::move(plugin));
}

}  // namespace skiff
