#include "skiff/token.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/certificates.h"
#include "base/flags.h"
#include "base/terminal.h"
#include "client/kubeconfig.h"
#include "client/scoped_informer.h"
#include "skiff/cluster.h"
#include "skiff/columns.h"
#include "skiff/daemon.h"
#include "skiff/up.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Secret;

constexpr Duration kSignatureTimeout = 10s;
constexpr char kPattern[] = R"("\A([a-z0-9]{6})\.([a-z0-9]{16})\z")";

ListOptions ClusterInfoScope() {
  ListOptions scope;
  scope.namespace_ = kClusterInfoNamespace;
  scope.field_selector = "metadata.name=" + std::string(kClusterInfoName);
  return scope;
}

std::string ShortDuration(Duration length) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(length).count();
  if (seconds < 0) return "<invalid>";
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 24 * 3600) return fmt::format("{}h", seconds / 3600);
  if (seconds < 365LL * 24 * 3600) return fmt::format("{}d", seconds / (24 * 3600));
  return fmt::format("{}y", seconds / (365LL * 24 * 3600));
}

std::string OrNone(std::string text) {
  return text.empty() ? "<none>" : text;
}

struct TokenFlags {
  ClusterOptions cluster;
  std::string kubeconfig;
  Duration ttl = 24h;
  std::vector<std::string> usages = {"signing", "authentication"};
  std::vector<std::string> groups = {std::string(kDefaultNodeTokenGroup)};
  std::string description;
  bool print_join_command = false;
};

// The cluster of the kubeconfig that is named, else the one of this machine, else kubectl's.
Result<HttpsOptions> ServerOf(const TokenFlags& flags) {
  std::string path = flags.kubeconfig;
  const std::string own = AdminKubeconfigPath(flags.cluster);
  std::error_code unseen;
  if (path.empty() && std::filesystem::exists(own, unseen)) path = own;
  const char* variable = std::getenv("KUBECONFIG");
  const char* home = std::getenv("HOME");
  const Kubeconfig config =
      TRY(LoadKubeconfig(path, variable == nullptr ? "" : variable, home == nullptr ? "" : home));
  // kubectl's fallback of an address, where none is chosen, is nobody's.
  if (!config.current_context.empty()) return config.Options();
  return Fail(Reason::kNotFound,
              fmt::format("no cluster is known here: run this on the server (its data directory is "
                          "{}), or name a kubeconfig with --kubeconfig",
                          flags.cluster.data_dir));
}

Result<NewToken> TokenOf(const TokenFlags& flags, const std::vector<std::string>& words,
                         Random& random) {
  NewToken token{.ttl = flags.ttl};
  if (words.empty()) {
    token.secret.token = BootstrapToken::Generate(random);
  } else {
    const auto parsed = BootstrapToken::Parse(words[0]);
    if (!parsed || words.size() > 1) {
      return Fail(Reason::kInvalid, fmt::format("the bootstrap token \"{}\" was not of the form {}",
                                                words.back(), kPattern));
    }
    token.secret.token = *parsed;
  }
  for (const std::string& usage : flags.usages) {
    if (usage != "signing" && usage != "authentication") {
      return Fail(
          Reason::kInvalid,
          fmt::format("invalid usages: {}; valid ones are signing and authentication", usage));
    }
    token.secret.may_sign |= usage == "signing";
    token.secret.may_authenticate |= usage == "authentication";
  }
  for (const std::string& group : flags.groups) {
    if (IsBootstrapGroup(group)) continue;
    return Fail(Reason::kInvalid,
                fmt::format("bootstrap group \"{}\" is invalid (must match "
                            "\\Asystem:bootstrappers:[a-z0-9:-]{{0,255}}[a-z0-9]\\z)",
                            group));
  }
  token.secret.groups = flags.groups;
  token.secret.description = flags.description;
  return token;
}

Result<> Create(const TokenFlags& flags, const std::vector<std::string>& words, Client& client) {
  const SystemClock clock;
  SystemRandom random;
  const NewToken wanted = TRY(TokenOf(flags, words, random));
  const BootstrapToken made = TRY(CreateToken(client, clock, random, wanted));
  std::string line = made.Text();
  if (flags.print_join_command) {
    line = TRY(JoinCommand(client, made));
    // Said beside, for the line itself is read by programs.
    if (const std::string problem = JoinCommandProblem(line); !problem.empty()) {
      std::fprintf(stderr, "warning: %s\n", problem.c_str());
    }
  }
  std::printf("%s\n", line.c_str());
  return {};
}

Result<> List(Client& client) {
  ListOptions scope;
  scope.namespace_ = kBootstrapTokenNamespace;
  scope.field_selector = "type=" + std::string(kBootstrapTokenType);
  std::vector<BootstrapSecret> tokens;
  for (const auto& secret : TRY(client.List<Secret>(scope))) {
    const auto token = ReadBootstrapSecret(*secret);
    if (token) {
      tokens.push_back(*token);
    } else {
      std::fprintf(stderr, "warning: %s\n", token.error().message.c_str());
    }
  }
  std::printf("%s", DescribeTokens(tokens, SystemClock().Now()).c_str());
  return {};
}

Result<> Delete(const std::vector<std::string>& words, Client& client) {
  if (words.empty()) {
    return Fail(Reason::kInvalid, "missing argument; 'token delete' is missing token");
  }
  for (const std::string& word : words) {
    const std::string id = word.substr(0, word.find('.'));
    const auto whole =
        BootstrapToken::Parse(word.size() > id.size() ? word : id + "." + std::string(16, '0'));
    if (!whole) {
      return Fail(Reason::kInvalid, fmt::format("given token didn't match pattern {}", kPattern));
    }
    TRY(client.Delete<Secret>({std::string(kBootstrapTokenNamespace), whole->SecretName()}));
    std::printf("bootstrap token \"%s\" deleted\n", id.c_str());
  }
  return {};
}

Result<> RunToken(const std::string& verb, const TokenFlags& flags,
                  const std::vector<std::string>& words) {
  const HttpsOptions server = TRY(ServerOf(flags));
  const auto transport = TRY(MakeHttpsTransport(server));
  Client client(*transport, "skiff-token");
  if (verb == "create") return Create(flags, words, client);
  if (verb == "list") return List(client);
  return Delete(words, client);
}

}  // namespace

Result<BootstrapToken> CreateToken(Client& client, const Clock& clock, Random& random,
                                   NewToken token) {
  if (token.ttl > Duration(0)) token.secret.expiration = clock.Now() + token.ttl;
  const auto created = client.Create(MakeBootstrapSecret(token.secret));
  const BootstrapToken& made = token.secret.token;
  if (!created) {
    if (created.error().reason != Reason::kAlreadyExists) return Fail(created.error());
    return Fail(Reason::kAlreadyExists,
                fmt::format("a token with id \"{}\" already exists", made.id));
  }
  if (!token.secret.may_sign) return made;
  const std::string key = std::string(kClusterInfoSignaturePrefix) + made.id;
  const auto signed_info = WaitForObject<ConfigMap>(
      {client, clock, random}, ClusterInfoScope(),
      [&](const ConfigMap& info) { return info.data.contains(key); }, kSignatureTimeout);
  if (signed_info) return made;
  return Fail(Reason::kTimeout,
              "the token was made, but nobody has signed kube-public/cluster-info with it, so no "
              "machine can join by it yet: is the controller bootstrap-signer-controller on?");
}

Result<std::string> JoinCommand(Client& client, const BootstrapToken& token) {
  const auto info = TRY(
      client.Get<ConfigMap>({std::string(kClusterInfoNamespace), std::string(kClusterInfoName)}));
  const auto text = info->data.find(std::string(kClusterInfoKubeconfig));
  const Kubeconfig config =
      TRY(Kubeconfig::Parse(text == info->data.end() ? "" : text->second, "/"));
  if (config.clusters.size() != 1) {
    return Fail(Reason::kInvalid, "kube-public/cluster-info does not name exactly one cluster");
  }
  const Kubeconfig::Cluster& cluster = config.clusters.begin()->second;
  const std::string pin = TRY(PublicKeyPin(cluster.certificate_authority_data));
  const std::string host = cluster.server.substr(cluster.server.find("//") + 2);
  return fmt::format("skiff join {} --token {} --ca-hash {}", host, token.Text(), pin);
}

std::string JoinCommandProblem(const std::string& command) {
  std::istringstream words(command);
  std::string skiff, join, server;
  words >> skiff >> join >> server;
  const size_t colon = server.rfind(':');
  std::string host = server.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const bool is_loopback = host.starts_with("127.") || host == "::1" || host == "localhost";
  if (!is_loopback) return "";
  return fmt::format(
      "the server says that it is at {}, which on every other machine is that machine itself: none "
      "can join by this line. Start the cluster with an address that others reach: `skiff up "
      "--bind-address=0.0.0.0`",
      host);
}

std::string DescribeTokens(const std::vector<BootstrapSecret>& tokens, TimePoint now) {
  std::vector<std::vector<std::string>> rows = {
      {"TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"}};
  for (const BootstrapSecret& token : tokens) {
    std::string usages = token.may_authenticate ? "authentication" : "";
    if (token.may_sign) usages += usages.empty() ? "signing" : ",signing";
    const auto& expiration = token.expiration;
    rows.push_back({token.token.Text(), expiration ? ShortDuration(*expiration - now) : "<forever>",
                    expiration ? Time(*expiration).Rfc3339() : "<never>", OrNone(usages),
                    OrNone(token.description),
                    OrNone(fmt::format("{}", fmt::join(token.groups, ",")))});
  }
  constexpr size_t kColumnMin = 10;
  return InColumns(rows, kColumnMin);
}

int TokenMain(const std::vector<std::string>& args) {
  constexpr char kUsage[] =
      "usage: skiff token create [TOKEN]|list|delete TOKEN... [flags]";
  constexpr char kHelp[] = R"(The tokens that machines join a cluster with.

  create [TOKEN]   make one, or the one that is given, and print it
  list             all of the cluster, for how long, and what for
  delete TOKEN...  by the whole, or the part before its dot

`skiff token VERB --help` lists the flags.
)";
  const std::string verb = args.empty() ? "" : args[0];
  if (verb == "--help" || verb == "-h") {
    std::printf("%s", Wrapped(fmt::format("{}\n\n{}", kUsage, kHelp), TerminalWidth()).c_str());
    return 0;
  }
  if (verb != "create" && verb != "list" && verb != "delete") {
    return RefuseVerb(verb, {"create", "list", "delete"}, kUsage);
  }
  TokenFlags to;
  const char* const takes = verb == "create" ? " [TOKEN]" : verb == "delete" ? " TOKEN..." : "";
  Flags flags("skiff token " + verb + takes);
  AddDataDirFlag(flags, to.cluster);
  flags.Add("kubeconfig", to.kubeconfig, "Which cluster; that of this machine by default.");
  if (verb == "create") {
    flags.Add("ttl", to.ttl, "How long it lives; 0 means for ever.");
    flags.Add("usages", to.usages, "What it is for: signing, authentication.");
    flags.Add("groups", to.groups, "Groups that who logs in with it is in.");
    flags.Add("description", to.description, "For people who read the list.");
    flags.Add("print-join-command", to.print_join_command,
              "Print the whole command that joins a machine, not the token alone.");
  }
  std::vector<std::string> words;
  if (const auto parsed = flags.Parse({args.begin() + 1, args.end()}, &words); !parsed) {
    return Complain(parsed.error().message);
  }
  if (flags.help_asked()) {
    std::printf("%s", flags.Help().c_str());
    return 0;
  }
  const auto done = RunToken(verb, to, words);
  return done ? 0 : Complain(done.error().message);
}

}  // namespace skiff
