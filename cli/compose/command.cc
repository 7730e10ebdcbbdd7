#include "cli/compose/command.h"

#include <filesystem>
#include <iterator>

#include "api/text/utf8.h"
#include "api/text/yaml.h"
#include "cli/compose/canonical.h"
#include "cli/compose/short_forms.h"
#include "cli/errors.h"
#include "cli/json_text.h"
#include "cli/printers.h"
#include "cli/verbs.h"

namespace skiff::cli::compose {
namespace {

constexpr Verb kComposeVerbs[] = {{"config", &RunComposeConfig},
                                  {"convert", &RunComposeConvert},
                                  {"down", &RunComposeDown},
                                  {"logs", &RunComposeLogs},
                                  {"ps", &RunComposePs},
                                  {"up", &RunComposeUp}};

// What up makes, and down takes away: workloads first, so that nothing runs without what it needs.
constexpr const char* kMadeKinds[] = {
    "deployments.apps", "statefulsets.apps", "daemonsets.apps",
    "jobs.batch",       "services",          "networkpolicies.networking.k8s.io",
    "configmaps",       "secrets",           "persistentvolumeclaims"};

// What docker compose has for a cluster of one machine, and how that is done here.
struct Elsewhere {
  std::string_view verb;
  std::string_view how;
};
constexpr char kByEngine[] =
    "images are built, pulled and pushed by an engine (docker compose); the nodes are handed them "
    "by skiff image load";
constexpr char kByScale[] =
    "skiff scale deployment/SERVICE --replicas=0 stops a service (`skiff compose ps` says which "
    "kind it is), and skiff compose up, or --replicas=1, starts it";
constexpr char kByDown[] =
    "skiff compose down takes all away; a service that leaves the file goes with the next skiff "
    "compose up";
constexpr Elsewhere kElsewhere[] = {
    {"attach", "skiff attach -it deployment/SERVICE"},
    {"build", kByEngine},
    {"cp", "skiff cp POD:PATH PATH; skiff get pods -l compose.skiff.io/service=SERVICE"},
    {"create", "skiff compose up; or skiff compose convert | skiff create -f -"},
    {"events", "skiff events, or skiff get events"},
    {"exec", "skiff exec -it deployment/SERVICE -- COMMAND"},
    {"images", "skiff compose config --images"},
    {"kill", "skiff delete pod -l compose.skiff.io/service=SERVICE --grace-period=1; who runs it "
             "makes another one"},
    {"ls", "skiff get deployments,statefulsets -A -L compose.skiff.io/project"},
    {"pause", "skiff chaos pause pod/NAME --for=1m"},
    {"port", "skiff compose ps shows what is published, and skiff port-forward service/SERVICE "
             "PORT leads to what is not"},
    {"publish", kByEngine},
    {"pull", kByEngine},
    {"push", kByEngine},
    {"restart", "skiff rollout restart deployment/SERVICE (`skiff compose ps` says which kind it "
                "is)"},
    {"rm", kByDown},
    {"run", "skiff run NAME --rm -it --restart=Never --image=IMAGE -- COMMAND; or skiff exec -it "
            "deployment/SERVICE -- COMMAND in one that runs"},
    {"scale", "skiff scale deployment/SERVICE --replicas=3, or deploy.replicas in the file"},
    {"start", kByScale},
    {"stats", "skiff top pods -l compose.skiff.io/project=PROJECT"},
    {"stop", kByScale},
    {"top", "skiff exec deployment/SERVICE -- ps"},
    {"unpause", "skiff chaos stop"},
    {"version", "skiff version"},
    {"volumes", "skiff get pvc -l compose.skiff.io/project=PROJECT"},
    {"wait", "skiff wait --for=condition=Complete job/SERVICE"},
    {"watch", kByEngine},
};

bool IsFileName(const std::string& word) {
  return word.ends_with(".yaml") || word.ends_with(".yml");
}

}  // namespace

void ProjectFlags::AddTo(Command& command, bool letter) {
  command.FlagEach(letter ? "file,f" : "file", options.files,
                   "Compose file; several are merged in order.");
  command.Flag("project-name,p", options.project_name, "Name of the project.");
  command.Flag("project-directory", options.project_directory,
               "What paths of the files are relative to: else the first file's folder.");
  command.FlagEach("profile", options.profiles, "Profile whose services are active; * for all.");
  command.FlagEach("env-file", options.env_files, "File of variables, in place of .env.");
}

void ProjectFlags::Complete(Command& command) {
  for (const std::string& word : command.words()) {
    (IsFileName(word) ? options.files : words).push_back(word);
  }
  Environment& environment = command.environment();
  std::error_code code;
  options.working_directory = std::filesystem::current_path(code);
  options.home = environment.variable("HOME");
  options.variable = [&environment](const std::string& name) -> std::optional<std::string> {
    std::string value = environment.variable(name);
    // ${NAME-x} and a NAME without a value tell nothing from not there.
    const auto& is_set = environment.has_variable;
    if (value.empty() && !(is_set && is_set(name))) return std::nullopt;
    return IsUtf8(value) ? value : MendUtf8(value);
  };
  for (const std::string& file : options.files) {
    if (file == "-") options.input = environment.read_input();
  }
}

Result<> ProjectFlags::RefuseServices(Command& command) const {
  if (words.empty()) return {};
  return command.UsageError(
      fmt::format("unexpected arguments: [{}]: it is about all services of the file, none is "
                  "named. `profiles:` in the file and --profile choose among them, and `skiff scale "
                  "deployment/SERVICE --replicas=0` stops one",
                  Join(words, " ")));
}

Result<Loaded> LoadAndConvert(Command& command, const ProjectFlags& flags) {
  const DiskFiles files;
  Loaded loaded;
  Mistakes wrong;
  auto project = Load(flags.options, files, wrong);
  wrong.Add(project);
  if (project) {
    loaded.project = *std::move(project);
    for (const std::string& warning : loaded.project.warnings) {
      command.Warn("Warning: {}\n", warning);
    }
    loaded.conversion = Convert(loaded.project, files, wrong);
  }
  TRY(wrong.Told());
  for (const Note& note : loaded.conversion.notes) command.Warn("{}\n", note.Text());
  return loaded;
}

ObjectKey Found::key() const {
  return {NamespaceOf(object), NameOf(object)};
}

bool IsWorkload(const Resource& resource) {
  return resource.api_version == "apps/v1" || resource.api_version == "batch/v1";
}

std::string FolderOf(const ProjectName& project) {
  std::error_code code;
  const auto folder = std::filesystem::weakly_canonical(project.directory, code);
  // It goes into objects, where there is text alone.
  return MendUtf8(code ? project.directory : folder.string());
}

Result<> CheckFolder(const ProjectName& project, const Found& found) {
  if (!project.is_of_folder) return {};
  const std::string other = TextAt(found.object, "metadata", "annotations", kFolderAnnotation);
  const std::string folder = FolderOf(project);
  if (other.empty() || other == folder) return {};
  return CliError(fmt::format(
      "the project {0} in namespace {1} was brought up from the folder {2}, and {3} makes the "
      "same name: say another by -p NAME or `name:` in the file, or another namespace by -n. Is "
      "it the same project, -p {0} takes it over from there",
      project.name, NamespaceOf(found.object), other, folder));
}

Result<std::vector<Found>> FindKind(Session& session, const std::string& kind,
                                    const std::string& project) {
  const ServedKind served = TRY(session.kinds().Find(kind));
  ListOptions options;
  options.namespace_ = session.namespace_();
  options.label_selector = std::string(kProjectLabel) + "=" + ProjectLabelValue(project);
  JsonList list = TRY(session.api().List(served.resource, options));
  std::vector<Found> found;
  for (Json& item : list.items) found.push_back({served.resource, std::move(item)});
  return found;
}

Result<std::vector<Found>> FindObjects(Session& session, const std::string& project) {
  std::vector<Found> all;
  for (const char* kind : kMadeKinds) {
    auto found = TRY(FindKind(session, kind, project));
    std::move(found.begin(), found.end(), std::back_inserter(all));
  }
  return all;
}

// As annotations may have: `kubectl apply` has one that says what was applied.
constexpr size_t kAppliedTextMax = 250 << 10;

Result<> RunComposeConvert(Command& command, const Args& args) {
  ProjectFlags flags;
  PrintFlags print;
  flags.AddTo(command);
  print.AddTo(command);
  TRY(command.Parse(args));
  flags.Complete(command);
  TRY(flags.RefuseServices(command));
  if (print.output.empty() && print.template_.empty()) print.output = "yaml";
  const auto printer = TRY(MakeObjectPrinter(print));
  Loaded loaded = TRY(LoadAndConvert(command, flags));
  std::string too_large;
  for (Json& object : loaded.conversion.Objects()) {
    if (!command.globals().namespace_.empty()) {
      object["metadata"]["namespace"] = command.globals().namespace_;
    }
    const std::string text = TRY(printer->Print(object));
    command.Print("{}", text);
    if (object.dump().size() > kAppliedTextMax) too_large = NameOf(object);
  }
  if (!too_large.empty()) {
    command.Warn(
        "`apply` takes them with --server-side alone: else it keeps the text of each object in an "
        "annotation, and {} is too large for that.\n",
        too_large);
  }
  for (const Workload& workload : loaded.conversion.workloads) {
    if (workload.after.empty()) continue;
    command.Warn(
        "Objects come in the order of depends_on; that conditions hold, skiff compose up alone "
        "waits for.\n");
    break;
  }
  return {};
}

namespace {

// Texts in which a $ is meant as such are written with two.
Json Uninterpolated(const Node& node) {
  switch (node.form) {
    case Node::Form::kScalar: {
      if (!node.IsText()) return node.value;
      std::string text;
      for (const char c : node.Text()) text += c == '$' ? "$$" : std::string(1, c);
      return text;
    }
    case Node::Form::kList: {
      Json list = Json::array();
      for (const Node& item : node.items) list.push_back(Uninterpolated(item));
      return list;
    }
    case Node::Form::kMap: {
      Json map = Json::object();
      for (const Member& member : node.members) map[member.key] = Uninterpolated(member.node);
      return map;
    }
    case Node::Form::kNull:
      break;
  }
  return Json();
}

// A range is for the short form of a port: each of it by itself. What is published may be one, any
// of which will do, for a single port.
Json SinglePorts(const Json& ports) {
  Json single = Json::array();
  for (const Json& port : ports) {
    const auto inside = ParsePortRange(TextAt(port, "target"));
    const auto outside = ParsePortRange(TextAt(port, "published"));
    if (!inside || inside->count() == 1) {
      single.push_back(port);
      continue;
    }
    for (int i = 0; i < inside->count(); ++i) {
      Json one = port;
      one["target"] = std::to_string(inside->first + i);
      if (outside) one["published"] = std::to_string(outside->first + i);
      single.push_back(std::move(one));
    }
  }
  return single;
}

Json FileOf(const Project& project) {
  Json file = Uninterpolated(project.root);
  file["name"] = project.name;
  // What a secret is in the environment of who looks at the files is not for all to read, and what
  // reads this refuses both beside each other.
  for (const char* kind : {"secrets", "configs"}) {
    for (const Member& resource : project.root[kind].members) {
      if (resource.node["content"].mark == kMade) file[kind][resource.key].erase("content");
    }
  }
  for (Json& service : file["services"]) {
    service.erase("env_file");    // It is in `environment`.
    service.erase("label_file");  // It is in `labels`.
    if (service.contains("ports")) service["ports"] = SinglePorts(service["ports"]);
  }
  return file;
}

// In the order in which docker compose prints the parts; what is free (x-...) comes last.
std::string YamlOf(Json file) {
  std::string text;
  for (const char* part : {"name", "services", "networks", "volumes", "secrets", "configs"}) {
    const auto found = file.find(part);
    if (found == file.end()) continue;
    text += DumpYaml({{part, std::move(*found)}});
    file.erase(found);
  }
  return file.empty() ? text : text + DumpYaml(file);
}

std::string ImageOf(const Project& project, const Member& service) {
  const std::string image = service.node["image"].Text();
  return image.empty() ? fmt::format("{}-{}", project.name, service.key) : image;
}

}  // namespace

Result<> RunComposeConfig(Command& command, const Args& args) {
  ProjectFlags flags;
  bool services = false, images = false, volumes = false, quiet = false;
  std::string format = "yaml";
  flags.AddTo(command);
  command.Flag("services", services, "The names of the services, a line each.");
  command.Flag("images", images, "The images of the services, a line each.");
  command.Flag("volumes", volumes, "The names of the volumes, a line each.");
  command.Flag("quiet,q", quiet, "Only say what is wrong.");
  command.Flag("format", format, "yaml or json.");
  TRY(command.Parse(args));
  flags.Complete(command);
  TRY(flags.RefuseServices(command));
  if (format != "yaml" && format != "json") {
    return CliError(fmt::format("--format: \"{}\" is neither yaml nor json", format));
  }
  const Project project = TRY(Load(flags.options, DiskFiles()));
  for (const std::string& warning : project.warnings) command.Warn("Warning: {}\n", warning);
  if (quiet) return {};
  for (const Member& member : project.root["services"].members) {
    if (services) command.Print("{}\n", member.key);
    if (images) command.Print("{}\n", ImageOf(project, member));
  }
  for (const Member& member : project.root["volumes"].members) {
    if (volumes) command.Print("{}\n", member.key);
  }
  if (services || images || volumes) return {};
  const Json file = FileOf(project);
  command.Print("{}", format == "json"
                          ? file.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                          : YamlOf(file));
  return {};
}

}  // namespace skiff::cli::compose

namespace skiff::cli {

int ComposeMain(Environment& environment, const Args& args) {
  // kubectl has no such verb.
  environment.program = "skiff";
  // Before the verb -f is a file, whatever it is behind it.
  Args words = args;
  const size_t verb = FirstWord(words);
  for (size_t i = 0; i < std::min(verb, words.size()); ++i) {
    std::string& word = words[i];
    if (word == "-f") {
      word = "--file";
    } else if (word.starts_with("-f")) {
      word = "--file=" + word.substr(word[2] == '=' ? 3 : 2);
    }
  }
  const size_t named = FirstWord(words);
  for (const auto& [word, how] : compose::kElsewhere) {
    if (named >= words.size() || words[named] != word || environment.shape) continue;
    environment.err(fmt::format("error: skiff compose has no \"{}\": {}\n", word, how));
    return 1;
  }
  return RunFamily(environment, "compose", compose::kComposeVerbs,
                   std::size(compose::kComposeVerbs), words);
}

}  // namespace skiff::cli
