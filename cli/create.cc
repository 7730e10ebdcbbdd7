// `create -f`, and the table of `create KIND NAME`.
#include "cli/create.h"

#include "cli/completion/shape.h"
#include "cli/editor.h"
#include "cli/json_text.h"
#include "cli/raw.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

constexpr Verb kGenerators[] = {
    {"clusterrole", &RunCreateClusterRole},
    {"clusterrolebinding", &RunCreateClusterRoleBinding},
    {"configmap", &RunCreateConfigMap},
    {"cm", &RunCreateConfigMap},
    {"cronjob", &RunCreateCronJob},
    {"cj", &RunCreateCronJob},
    {"deployment", &RunCreateDeployment},
    {"deploy", &RunCreateDeployment},
    {"ingress", &RunCreateIngress},
    {"ing", &RunCreateIngress},
    {"job", &RunCreateJob},
    {"namespace", &RunCreateNamespace},
    {"ns", &RunCreateNamespace},
    {"poddisruptionbudget", &RunCreateBudget},
    {"pdb", &RunCreateBudget},
    {"priorityclass", &RunCreatePriorityClass},
    {"pc", &RunCreatePriorityClass},
    {"quota", &RunCreateQuota},
    {"resourcequota", &RunCreateQuota},
    {"role", &RunCreateRole},
    {"rolebinding", &RunCreateRoleBinding},
    {"service", &RunCreateService},
    {"svc", &RunCreateService},
    {"serviceaccount", &RunCreateServiceAccount},
    {"sa", &RunCreateServiceAccount},
    {"token", &RunCreateToken},
};

Result<> RunCreateFiles(Command& command, const Args& args) {
  WriteFlags flags;
  FileFlags files;
  flags.AddTo(command, "kubectl-create");
  files.AddTo(command);
  std::string selector;
  std::string raw;
  bool edit = false;
  bool windows_line_endings = false;
  command.Flag("selector,l", selector, "Selector (label query) to filter on.");
  command.Flag("raw", raw, "Raw URI to POST to the server.");
  command.Flag("edit", edit, "Edit the objects before they are created.");
  command.Flag("windows-line-endings", windows_line_endings, kLineEndsHelp);
  TRY(command.Parse(args));
  TRY(flags.Check());
  if (!command.words().empty()) {
    return command.UsageError(
        fmt::format("Unexpected args: [{}]{}", Join(command.words(), " "),
                    MeantVerb(command.environment(), "create", command.words()[0])));
  }
  if (!raw.empty()) {
    if (edit && !files.empty()) return CliError("--raw and --edit are mutually exclusive");
    TRY(CheckRaw(command, raw, files, /*needs_file=*/true));
    return SendRaw(command, "POST", raw, files);
  }
  if (files.empty()) return CliError("must specify one of -f and -k");
  if (edit) TRY(CheckEditFormat(flags.print));
  files.validates = flags.Validates();
  auto objects = TRY(ReadManifests(command, files));
  TRY(KeepSelected(selector, objects));
  if (objects.empty()) {
    return command.exit_code() == 0 ? Result<>(CliError("no objects passed to create"))
                                    : Result<>();
  }
  for (const ManifestObject& object : objects) {
    if (edit) {
      const auto edited = EditAndCreate(command, flags, windows_line_endings, object);
      if (!edited) command.Report(edited.error());
      continue;
    }
    const auto created =
        CreateAndPrint(command, flags, object.kind.resource, object.key.namespace_, object.object);
    if (!created) command.Report(flags.Failure(created.error(), "creating", object.source));
  }
  return {};
}

}  // namespace

Result<> CreateAndPrint(Command& command, const WriteFlags& flags, const Resource& resource,
                        const std::string& namespace_, Json object, bool may_be_protobuf) {
  if (flags.save_config) object = WithLastApplied(std::move(object));
  object = flags.record.In(std::move(object));
  if (!flags.dry_run.client()) {
    WriteOptions options = TRY(flags.Options());
    options.may_be_protobuf = may_be_protobuf;
    Session& session = *TRY(command.session());
    object = TRY(session.api().Create(resource, namespace_, object, options));
  }
  return PrintWritten(command, flags, object, resource, "created");
}

bool HasCreateVerb(std::string_view word) {
  return word == "secret" ||
         FindVerb(kGenerators, std::size(kGenerators), std::string(word)) != nullptr;
}

int CreateMain(Environment& environment, const Args& args) {
  const size_t at = FirstWord(args);
  if (at < args.size() && args[at] == "secret") {
    return CreateSecretMain(environment, WithoutWord(args, at));
  }
  if (at < args.size() && FindVerb(kGenerators, std::size(kGenerators), args[at])) {
    return RunFamily(environment, "create", kGenerators, std::size(kGenerators), args);
  }
  if (environment.shape && at == args.size()) {
    TellVerbs(environment, kGenerators, std::size(kGenerators));
    environment.shape->verbs.emplace_back("secret");
  }
  return RunVerb(environment, {"create", &RunCreateFiles}, "create", args);
}

}  // namespace skiff::cli
