// `edit`: objects in the user's editor, sent back as patches. `apply edit-last-applied`: the
// annotation that apply compares with. `create --edit`: created from there.
#include <functional>
#include <optional>

#include "api/codec/json.h"
#include "api/text/yaml.h"
#include "cli/create.h"
#include "cli/editor.h"
#include "cli/json_text.h"
#include "cli/three_way.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

constexpr char kHead[] =
    "# Please edit the object below. Lines beginning with a '#' will be ignored,\n"
    "# and an empty file will abort the edit. If an error occurs while saving this file will be\n"
    "# reopened with the relevant failures.\n"
    "#\n";

// The lines that are not comments.
std::string WithoutComments(const std::string& text) {
  std::string out;
  for (const std::string& line : Split(text, '\n')) {
    if (!line.starts_with('#')) out += line + "\n";
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out == "\n" ? "" : out;
}

std::string AsComments(const std::string& text) {
  std::string out;
  for (const std::string& line : Split(text, '\n')) {
    if (!line.empty()) out += "# " + line + "\n";
  }
  return out;
}

// "pods "web" was not valid:" and a line a cause.
std::string FailureText(const Target& target, const Error& error) {
  if (error.reason != Reason::kInvalid) return ErrorText(error);
  std::string text =
      fmt::format("{} \"{}\" was not valid:\n", target.resource.name, target.key.name);
  for (const Cause& cause : error.causes) {
    text += fmt::format("* {}: {}\n", cause.field, cause.message);
  }
  return text;
}

// What an editor is opened on.
struct EditedText {
  std::string shown;
  bool json = false;             // No comments are in it.
  bool keeps_if_failed = false;  // What could not be saved stays in its file.
};
// Nothing when the document was saved; else why the user has to look at it again.
using SaveEdited = std::function<Result<std::optional<std::string>>(const Json& edited)>;

tl::unexpected<Error> KeepCopy(Command& command, ScratchFile& file, Error error) {
  command.Warn("A copy of your changes has been stored to \"{}\"\n", file.path());
  file.Keep();
  return Fail(std::move(error));
}

// The editor is opened until what it saves is accepted, or saves the same wrong text again.
Result<> EditUntilSaved(Command& command, const EditedText& text, const SaveEdited& save) {
  ScratchFile file =
      TRY(ScratchFile::Create("/tmp/kubectl-edit-XXXXXX", text.json ? ".json" : ".yaml"));
  const std::string head = text.json ? "" : kHead;
  std::string opened = head + text.shown;
  std::string failed;
  while (true) {
    TRY(file.Write(opened));
    TRY(RunEditor(command, file.path()));
    const std::string saved = TRY(file.Read());
    const std::string edited = WithoutComments(saved);
    if (edited.empty()) {
      command.Warn("Edit cancelled, saved file was empty.\n");
      return {};
    }
    const auto parsed = ParseYaml(edited);
    const auto shown = ParseYaml(text.shown);
    if (edited == text.shown || (parsed && shown && parsed->value == shown->value)) {
      command.Warn("Edit cancelled, no changes made.\n");
      return {};
    }
    if (edited == failed) {
      return KeepCopy(command, file,
                      CliError("Edit cancelled, no valid changes were saved.").value());
    }
    failed = edited;
    std::optional<std::string> why;
    if (parsed) {
      auto done = save(parsed->value);
      if (!done && text.keeps_if_failed) return KeepCopy(command, file, std::move(done).error());
      if (!done) return Fail(std::move(done).error());
      if (!*done) return {};
      why = std::move(*done);
    } else {
      why = "The edited file had a syntax error: " + parsed.error().message + "\n";
    }
    opened = head + (text.json ? "" : AsComments(*why) + "#\n") + edited;
  }
}

struct EditFlags {
  WriteFlags write;
  FileFlags files;
  std::string subresource;
  bool output_patch = false;
  bool windows_line_endings = false;
};

// Objects in one editor: alone, or several as the items of a List.
class Editing {
 public:
  Editing(Command& command, Session& session, const EditFlags& flags,
          const std::vector<Target>& targets)
      : command_(command), session_(session), flags_(flags), targets_(targets) {
    for (const Target& target : targets) {
      originals_.push_back(target.object);
      DropManagedFields(originals_.back());
    }
  }
  Result<> Run();

 private:
  Json Document() const;
  // Which of them it is; an object stays the one that it is.
  Result<size_t> IndexOf(const Json& edited) const;
  Result<> Save(size_t index, const Json& edited);
  Result<std::optional<std::string>> SaveAll(const Json& edited);

  Command& command_;
  Session& session_;
  const EditFlags& flags_;
  const std::vector<Target>& targets_;
  std::vector<Json> originals_;
};

Json Editing::Document() const {
  if (originals_.size() == 1) return originals_[0];
  return {{"apiVersion", "v1"},
          {"items", originals_},
          {"kind", "List"},
          {"metadata", Json::object()}};
}

Result<size_t> Editing::IndexOf(const Json& edited) const {
  for (size_t i = 0; i < originals_.size(); ++i) {
    const bool is_it = NameOf(edited) == NameOf(originals_[i]) &&
                       NamespaceOf(edited) == NamespaceOf(originals_[i]) &&
                       TextAt(edited, "kind") == TextAt(originals_[i], "kind") &&
                       TextAt(edited, "apiVersion") == TextAt(originals_[i], "apiVersion");
    if (is_it) return i;
  }
  return CliError("At least one of apiVersion, kind and name was changed");
}

Result<> Editing::Save(size_t index, const Json& edited) {
  const Target& target = targets_[index];
  const Json& original = originals_[index];
  if (edited == original) {
    return PrintWritten(command_, flags_.write, original, target.resource, "skipped");
  }
  const auto kind =
      TRY(session_.kinds().FindByKind(target.resource.api_version, target.resource.kind));
  const Type* type = kind && kind->info ? kind->info->type : nullptr;
  const Json patch = ThreeWayPatch(type, original, edited, original);
  const WriteOptions options = TRY(flags_.write.Options());
  Json result = original;
  if (!patch.empty()) {
    result = TRY(session_.api().Patch(target.resource, target.key,
                                      type ? PatchType::kStrategic : PatchType::kMerge, patch,
                                      options, flags_.subresource));
  }
  if (flags_.output_patch) command_.Print("Patch: {}\n", patch.dump());
  return PrintWritten(command_, flags_.write, result, target.resource, "edited");
}

// The rest is saved where some is not.
Result<std::optional<std::string>> Editing::SaveAll(const Json& edited) {
  const bool is_list = originals_.size() > 1;
  const Json alone = Json::array({edited});
  const Json& items = is_list ? At(edited, "items") : alone;
  std::string failures;
  std::optional<Error> lost;
  for (const Json& item : items) {
    const size_t index = TRY(IndexOf(item));
    const Target& target = targets_[index];
    const auto done = Save(index, item);
    if (done) continue;
    const bool is_gone = done.error().reason == Reason::kNotFound;
    const bool is_invalid = done.error().reason == Reason::kInvalid;
    const std::string what =
        is_gone      ? "could not be found on the server"
        : is_invalid ? "is invalid"
                     : "could not be patched: " + done.error().message;
    const std::string type = ServedKind{.resource = target.resource}.FullName();
    command_.Warn("error: {} \"{}\" {}\n", type, target.key.name, what);
    if (is_invalid) {
      failures += FailureText(target, done.error());
    } else {
      lost = done.error();
    }
  }
  if (lost) {
    command_.set_exit_code(1);
    return Fail(Command::ExitNow().value());
  }
  if (failures.empty()) return std::nullopt;
  return failures;
}

Result<> Editing::Run() {
  const bool json = flags_.write.print.output == "json";
  const Json document = Document();
  const EditedText text = {json ? PrettyJson(document) : DumpYaml(document), json,
                           /*keeps_if_failed=*/true};
  return EditUntilSaved(command_, text, [&](const Json& edited) { return SaveAll(edited); });
}

// A document that was edited belongs where the command line says, as one of a file does.
Result<> CreateEdited(Command& command, const WriteFlags& flags, const Json& edited) {
  Session& session = *TRY(command.session());
  const ManifestObject placed = TRY(PlaceObject(session, "edited-file", edited));
  if (placed.kind.resource.namespaced && placed.key.namespace_ != session.namespace_()) {
    return CliError(fmt::format(
        "the namespace from the provided object \"{}\" does not match the namespace \"{}\". You "
        "must pass '--namespace={}' to perform this operation.",
        placed.key.namespace_, session.namespace_(), placed.key.namespace_));
  }
  return CreateAndPrint(command, flags, placed.kind.resource, placed.key.namespace_, placed.object);
}

}  // namespace

Result<> EditAndCreate(Command& command, const WriteFlags& flags, const ManifestObject& object) {
  const bool json = flags.print.output == "json";
  const EditedText text = {json ? PrettyJson(object.object) : DumpYaml(object.object), json,
                           /*keeps_if_failed=*/true};
  return EditUntilSaved(command, text,
                        [&](const Json& edited) -> Result<std::optional<std::string>> {
                          TRY(CreateEdited(command, flags, edited));
                          return std::nullopt;
                        });
}

namespace {

// The annotation of one object, which stays an annotation: the object itself is not touched.
Result<> EditAnnotation(Command& command, const WriteFlags& flags, const Target& target) {
  const std::string text = TextAt(target.object, "metadata", "annotations", kLastApplied);
  Json applied = TRY(ParseJson(text));
  return EditUntilSaved(
      command, {DumpYaml(applied)},
      [&](const Json& edited) -> Result<std::optional<std::string>> {
        Session& session = *TRY(command.session());
        if (!edited.is_object()) return std::string("The edited file holds no object.\n");
        const Json patch = {
            {"metadata", {{"annotations", {{kLastApplied, LastAppliedText(edited)}}}}}};
        WriteOptions options = TRY(flags.Options());
        options.field_validation.clear();
        const auto result =
            session.api().Patch(target.resource, target.key, PatchType::kMerge, patch, options);
        if (!result && result.error().reason == Reason::kInvalid) {
          return FailureText(target, result.error());
        }
        if (!result) return Fail(result.error());
        TRY(PrintWritten(command, flags, *result, target.resource, "edited"));
        return std::nullopt;
      });
}

}  // namespace

Result<> RunEditLastApplied(Command& command, const Args& args) {
  WriteFlags flags;
  FileFlags files;
  bool windows_line_endings = false;
  flags.AddWithoutDryRun(command, "kubectl-client-side-apply");
  files.AddTo(command);
  command.Flag("windows-line-endings", windows_line_endings, "Accepted; has no effect here.");
  TRY(command.Parse(args));
  TRY(flags.Check());
  auto targets =
      TRY(FindTargets(command, command.words(), {.files = &files, .names_needed = false}));
  std::erase_if(targets, [](const Target& target) {
    return TextAt(target.object, "metadata", "annotations", kLastApplied).empty();
  });
  if (targets.empty() && command.exit_code() == 0) {
    return CliError(
        "no last-applied-configuration annotation found on resources, to create the annotation, "
        "use command `kubectl apply set-last-applied --create-annotation`");
  }
  for (const Target& target : targets) {
    const auto edited = EditAnnotation(command, flags, target);
    if (!edited) command.Report(edited.error());
  }
  return {};
}

namespace {

Result<> CheckEditFormat(const PrintFlags& print) {
  const std::string& output = print.output;
  if (output.empty() || output == "json" || output == "kyaml" || output == "yaml") return {};
  return CliError(fmt::format("unable to match a printer suitable for the output format \"{}\", "
                              "allowed formats are: {}",
                              output, print.formats));
}

}  // namespace

Result<> RunEdit(Command& command, const Args& args) {
  EditFlags flags;
  flags.write.AddWithoutDryRun(command, "kubectl-edit");
  flags.files.AddTo(command);
  command.Flag("subresource", flags.subresource, "Edit this subresource of the objects.");
  command.Flag("output-patch", flags.output_patch, "Output the patch.");
  command.Flag("windows-line-endings", flags.windows_line_endings, "Accepted; has no effect here.");
  flags.write.print.formats = "json,kyaml,yaml";
  flags.write.print.separates_documents = false;
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  TRY(CheckEditFormat(flags.write.print));
  const auto targets =
      TRY(FindTargets(command, command.words(), {.files = &flags.files, .names_needed = false}));
  Session& session = *TRY(command.session());
  // Where one of them is not there, none is edited.
  if (targets.empty() || command.exit_code() != 0) return {};
  return Editing(command, session, flags, targets).Run();
}

}  // namespace skiff::cli
