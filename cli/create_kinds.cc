#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "api/rules/names.h"
#include "api/text/go_text.h"
#include "base/id.h"
#include "cli/completion/shape.h"
#include "cli/create.h"
#include "cli/json_text.h"
#include "cli/usage.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

// "busy_box:1" names a container "busy-box", and what makes such a name another one.
std::string ContainerName(const std::string& image) {
  std::string name = image.substr(image.rfind('/') + 1);
  name = name.substr(0, name.find_first_of(":@"));
  if (name.find_first_of("_.") == std::string::npos) return name;
  std::replace(name.begin(), name.end(), '_', '-');
  std::replace(name.begin(), name.end(), '.', '-');
  return name + "-" + SystemRandom().NameSuffix();
}

// "v1.Deployment"
std::string ClientTypeOf(const Resource& resource) {
  const std::string& version = resource.api_version;
  return version.substr(version.rfind('/') + 1) + "." + resource.kind;
}

struct ServicePort {
  int port = 0;
  Json target;
  std::string name;
};

// As Go tells of a number that is none.
tl::unexpected<Error> BadNumber(const char* function, const std::string& text, bool out_of_range) {
  return CliError(fmt::format("strconv.{}: parsing {}: {}", function, GoQuote(text),
                              out_of_range ? "value out of range" : "invalid syntax"));
}

Result<ServicePort> ParsePort(const std::string& text) {
  const std::vector<std::string> parts = Split(text, ':');
  const auto read = [](const std::string& digits, auto& value) {
    const char* end = digits.data() + digits.size();
    const auto [at, code] = std::from_chars(digits.data(), end, value);
    return at == end ? code : std::errc::invalid_argument;
  };
  ServicePort port;
  uint16_t number = 0;
  const std::errc wrong = read(parts[0], number);
  if (wrong != std::errc()) {
    return BadNumber("ParseUint", parts[0], wrong == std::errc::result_out_of_range);
  }
  port.port = number;
  if (parts.size() == 1) {
    port.target = number;
    port.name = text;
    return port;
  }
  int target = 0;
  const bool is_number = read(parts[1], target) == std::errc();
  const Messages errors = is_number ? PortNumberErrors(target) : PortNameErrors(parts[1]);
  if (!errors.empty()) return CliError(Join(errors, ","));
  port.target = is_number ? Json(target) : Json(parts[1]);
  port.name = fmt::format("{}-{}", number, parts[1]);
  return port;
}

}  // namespace

Result<std::string> ParseOneName(Command& command, WriteFlags& flags, const Args& args) {
  TRY(command.Parse(args));
  TRY(flags.Check());
  if (command.words().size() != 1) {
    return command.UsageError(
        fmt::format("exactly one NAME is required, got {}", command.words().size()));
  }
  return command.words()[0];
}

Result<std::string> ParseSaidName(Command& command, WriteFlags& flags, const Args& args) {
  std::string name = TRY(ParseOneName(command, flags, args));
  if (name.empty()) return CliError("name must be specified");
  return name;
}

Result<> CreateBuiltIn(Command& command, const WriteFlags& flags, const std::string& type,
                       Json object) {
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find(type));
  object["apiVersion"] = kind.resource.api_version;
  object["kind"] = kind.resource.kind;
  const std::string namespace_ = session.NamespaceFor(kind.resource);
  if (session.namespace_given() && kind.resource.namespaced) {
    object["metadata"]["namespace"] = namespace_;
  }
  const auto done = CreateAndPrint(command, flags, kind.resource, namespace_, object);
  if (done || done.error().http_code == 0) return done;
  // kubectl hands these through; the others' text says what was being made.
  const std::string& name = kind.resource.kind;
  if (name == "Namespace" || name == "Role" || name == "ClusterRole") return done;
  std::string what = name == "ResourceQuota" ? "quota" : Lower(name);
  if (name == "Service") what = fmt::format("{} service", TextAt(object, "spec", "type"));
  // Nobody answered: that is all there is to say, with what may help.
  if (UnreachableProblem(done.error())) return done;
  return CliError(fmt::format("failed to create {}: {}", what, done.error().message));
}

Result<> RunCreateNamespace(Command& command, const Args& args) {
  WriteFlags flags;
  flags.AddTo(command, "kubectl-create");
  const std::string name = TRY(ParseSaidName(command, flags, args));
  return CreateBuiltIn(
      command, flags, "namespace",
      {{"metadata", {{"name", name}}}, {"spec", Json::object()}, {"status", Json::object()}});
}

Result<> RunCreateServiceAccount(Command& command, const Args& args) {
  WriteFlags flags;
  flags.AddTo(command, "kubectl-create");
  const std::string name = TRY(ParseSaidName(command, flags, args));
  return CreateBuiltIn(command, flags, "serviceaccount", {{"metadata", {{"name", name}}}});
}

Result<> RunCreateDeployment(Command& command, const Args& args) {
  WriteFlags flags;
  std::vector<std::string> images;
  int replicas = 1;
  int port = -1;
  flags.AddTo(command, "kubectl-create");
  command.Flag("image", images, "Image names to run.");
  command.Flag("replicas,r", replicas, "Number of replicas to create.");
  command.Flag("port", port, "The containerPort that this deployment exposes.");
  command.Require("image");
  command.KeepRest();
  const std::string name = TRY(ParseOneName(command, flags, args));
  const bool has_command = command.rest() && !command.rest()->empty();
  if (images.size() > 1 && has_command) {
    return CliError("cannot specify multiple --image options and command");
  }
  Json containers = Json::array();
  for (const std::string& image : images) {
    Json container = {
        {"image", image}, {"name", ContainerName(image)}, {"resources", Json::object()}};
    if (has_command) container["command"] = *command.rest();
    if (port >= 0 && containers.empty()) container["ports"] = Json::array({{{"containerPort", port}}});
    containers.push_back(std::move(container));
  }
  const Json labels = {{"app", name}};
  const Json pod_template = {{"metadata", {{"labels", labels}}},
                             {"spec", {{"containers", std::move(containers)}}}};
  return CreateBuiltIn(command, flags, "deployment",
                       {{"metadata", {{"labels", labels}, {"name", name}}},
                        {"spec",
                         {{"replicas", replicas},
                          {"selector", {{"matchLabels", labels}}},
                          {"strategy", Json::object()},
                          {"template", pod_template}}},
                        {"status", Json::object()}});
}

Result<> RunCreateJob(Command& command, const Args& args) {
  WriteFlags flags;
  std::string image;
  std::string from;
  flags.AddTo(command, "kubectl-create");
  command.Flag("image", image, "Image name to run.");
  command.Flag("from", from, "The resource to create a Job from: cronjob/NAME.");
  command.KeepRest();
  const std::string name = TRY(ParseOneName(command, flags, args));
  if (image.empty() == from.empty()) {
    return CliError("either --image or --from must be specified");
  }
  if (!from.empty() && command.rest() && !command.rest()->empty()) {
    return CliError("cannot specify --from and command");
  }
  Json job = {{"metadata", {{"name", name}}}};
  if (!from.empty()) {
    Session& session = *TRY(command.session());
    const Selections source = TRY(ParseSelections(command, {from}));
    const Selection& cron = source.items[0];
    if (cron.kind.resource.kind != "CronJob" || cron.names.size() != 1) {
      return CliError("unknown object type *" + ClientTypeOf(cron.kind.resource));
    }
    const Json owner =
        TRY(session.api().Get(cron.kind.resource, {session.namespace_(), cron.names[0]}));
    const Json& form = At(owner, "spec", "jobTemplate");
    job["spec"] = At(form, "spec");
    if (At(form, "metadata", "labels").is_object()) {
      job["metadata"]["labels"] = At(form, "metadata", "labels");
    }
    if (At(form, "metadata", "annotations").is_object()) {
      job["metadata"]["annotations"] = At(form, "metadata", "annotations");
    }
    job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] = "manual";
    job["metadata"]["ownerReferences"] = Json::array({{{"apiVersion", "batch/v1"},
                                                       {"kind", "CronJob"},
                                                       {"name", NameOf(owner)},
                                                       {"uid", TextAt(owner, "metadata", "uid")},
                                                       {"controller", true}}});
  } else {
    Json container = {{"image", image}, {"name", name}, {"resources", Json::object()}};
    if (command.rest()) container["command"] = *command.rest();
    job["spec"]["template"] = {
        {"metadata", Json::object()},
        {"spec", {{"containers", Json::array({container})}, {"restartPolicy", "Never"}}}};
  }
  job["status"] = Json::object();
  return CreateBuiltIn(command, flags, "job", std::move(job));
}

// create service clusterip|nodeport|loadbalancer|externalname NAME --tcp=port:target
namespace {

const std::map<std::string, std::string>& ServiceTypes() {
  static const std::map<std::string, std::string> kTypes = {{"clusterip", "ClusterIP"},
                                                            {"nodeport", "NodePort"},
                                                            {"loadbalancer", "LoadBalancer"},
                                                            {"externalname", "ExternalName"}};
  return kTypes;
}

// Each type has flags of its own, so it must be known before they are read. "": none is there.
std::string TypedServiceType(const Args& args) {
  const size_t at = FirstWord(args);
  if (at < args.size() && ServiceTypes().contains(args[at])) return args[at];
  const auto found = std::find_if(args.begin(), args.end(), [](const std::string& word) {
    return ServiceTypes().contains(word);
  });
  return found == args.end() ? "" : *found;
}

// Of all types: no flag is one of each.
std::string HelpOfServices(Command& command) {
  const std::string family = "create service";
  return FamilyHelp(command.environment(), family, VerbNamesBelow(family));
}

}  // namespace

Result<> RunCreateService(Command& command, const Args& args) {
  WriteFlags flags;
  std::vector<std::string> tcp;
  std::string cluster_ip;
  std::string external_name;
  int node_port = 0;
  flags.AddTo(command, "kubectl-create");
  command.Flag("tcp", tcp, "Port pairs: PORT or PORT:TARGET.");
  const std::string typed = TypedServiceType(args);
  if (!typed.empty()) command.BeOfWord(typed);
  const auto has = [&](const char* own) { return typed.empty() || typed == own; };
  if (has("clusterip")) {
    command.Flag("clusterip", cluster_ip, "Assign your own ClusterIP or 'None'.");
  }
  if (has("externalname")) {
    command.Flag("external-name", external_name, "External name of the service.");
    if (!typed.empty()) command.Require("external-name");
  }
  if (has("nodeport")) {
    command.Flag("node-port", node_port, "Port used to expose the service on each node.");
  }
  if (VerbShape* shape = command.environment().shape; shape && typed.empty()) {
    for (const auto& [type, kind] : ServiceTypes()) shape->verbs.emplace_back(type);
  } else if (shape == nullptr && typed.empty() && AsksForHelp(args)) {
    command.Print("{}", HelpOfServices(command));
    return Command::ExitNow();
  }
  TRY(command.Parse(args));
  TRY(flags.Check());
  const auto& given = command.words();
  if (!given.empty() && ServiceTypes().contains(given[0]) && given.size() != 2) {
    return command.UsageError(
        fmt::format("exactly one NAME is required, got {}", given.size() - 1));
  }
  if (!given.empty() && !ServiceTypes().contains(given[0])) {
    return command.UsageError(
        fmt::format("unknown command \"{}\"{}", Join(given, " "),
                    MeantVerb(command.environment(), command.verb(), given[0])));
  }
  if (given.empty()) {
    command.environment().err(HelpOfServices(command));
    command.set_exit_code(1);
    return Command::ExitNow();
  }
  const std::string &type = given[0], &name = given[1];
  const auto chosen = ServiceTypes().find(type);
  if (tcp.empty() && cluster_ip != "None" && type != "externalname") {
    return CliError("at least one tcp port specifier must be provided");
  }
  if (type == "externalname" && !Dns1123SubdomainErrors(external_name).empty()) {
    return CliError("invalid service external name " + external_name);
  }
  Json ports = Json::array();
  for (const std::string& text : tcp) {
    const ServicePort parsed = TRY(ParsePort(text));
    Json port = {{"name", parsed.name},
                 {"port", parsed.port},
                 {"protocol", "TCP"},
                 {"targetPort", parsed.target}};
    if (node_port > 0) port["nodePort"] = node_port;
    ports.push_back(std::move(port));
  }
  Json spec = {{"selector", {{"app", name}}}, {"type", chosen->second}};
  if (!ports.empty()) spec["ports"] = std::move(ports);
  if (!cluster_ip.empty()) spec["clusterIP"] = cluster_ip;
  if (!external_name.empty()) spec["externalName"] = external_name;
  return CreateBuiltIn(command, flags, "service",
                       {{"metadata", {{"labels", {{"app", name}}}, {"name", name}}},
                        {"spec", std::move(spec)},
                        {"status", {{"loadBalancer", Json::object()}}}});
}

Result<> RunCreateToken(Command& command, const Args& args) {
  WriteFlags flags;
  std::vector<std::string> audiences;
  std::string bound_kind;
  std::string bound_name;
  std::string bound_uid;
  Duration duration = Duration(0);
  flags.print.AddTo(command);
  command.FlagEach("audience", audiences, "Audience of the requested token.");
  command.Flag("duration", duration, "Requested lifetime of the issued token.");
  command.Flag("bound-object-kind", bound_kind, "Pod, Secret or Node.");
  command.Flag("bound-object-name", bound_name, "Name of the object that the token lives with.");
  command.Flag("bound-object-uid", bound_uid, "UID of the object that the token lives with.");
  const std::string name = TRY(ParseOneName(command, flags, args));
  if (name.empty()) return CliError("service account name is required");
  if (duration < Duration(0)) return CliError("--duration must be greater than or equal to 0");
  if (bound_kind.empty()) {
    const char* lonely = !bound_name.empty() ? "name" : !bound_uid.empty() ? "uid" : nullptr;
    if (lonely) {
      return CliError(fmt::format(
          "--bound-object-{} can only be set if --bound-object-kind is provided", lonely));
    }
  } else if (bound_kind != "Node" && bound_kind != "Pod" && bound_kind != "Secret") {
    return CliError("supported --bound-object-kind values are Node, Pod, Secret");
  } else if (bound_name.empty()) {
    return CliError("--bound-object-name is required if --bound-object-kind is provided");
  }
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find("serviceaccount"));
  Json spec = Json::object();
  if (!audiences.empty()) spec["audiences"] = audiences;
  if (duration > Duration(0)) {
    spec["expirationSeconds"] = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  }
  if (!bound_kind.empty()) {
    spec["boundObjectRef"] = {{"apiVersion", "v1"}, {"kind", bound_kind}, {"name", bound_name}};
    if (!bound_uid.empty()) spec["boundObjectRef"]["uid"] = bound_uid;
  }
  const Json request = {
      {"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", spec}};
  const std::string path = TRY(kind.resource.Path({session.namespace_(), name}, "token"));
  const auto answer = session.api().Write("POST", path, {}, request);
  if (!answer) {
    if (answer.error().http_code == 0) return Fail(answer.error());
    return CliError("failed to create token: " + answer.error().message);
  }
  if (!flags.print.output.empty()) {
    const auto printer = TRY(MakeObjectPrinter(flags.print));
    Json shown = *answer;
    if (flags.print.HidesManagedFields()) DropManagedFields(shown);
    const std::string text = TRY(printer->Print(shown));
    command.environment().out(text);
    return {};
  }
  // Whoever puts it into a variable or a file wants nothing behind it.
  command.Print("{}{}", TextAt(*answer, "status", "token"), isatty(STDOUT_FILENO) ? "\n" : "");
  return {};
}

}  // namespace skiff::cli
