// `edit`: objects in the user's editor, sent back as patches. `apply edit-last-applied`: the
// annotation that apply compares with. `create --edit`: created from there.
#include <functional>
#include <optional>

#include "api/codec/json.h"
#include "api/text/go_value.h"
#include "api/text/yaml.h"
#include "cli/create.h"
#include "cli/editor.h"
#include "cli/json_text.h"
#include "cli/kyaml.h"
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
constexpr char kEditFormats[] = "json,kyaml,yaml";
constexpr char kAnnotationHead[] =
    "# Please edit the 'last-applied-configuration' annotations below.\n"
    "# Lines beginning with a '#' will be ignored, and an empty file will abort the edit.\n"
    "#\n";

// The lines that are not comments.
std::string WithoutComments(const std::string& text) {
  std::string out;
  for (const std::string& line : Split(text, '\n')) {
    if (!line.starts_with('#')) out += line + "\n";
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out.find_first_not_of(" \t\r\n") == std::string::npos ? "" : out;
}

// Why the user has to look at it again, a text each.
std::string AsComments(const std::vector<std::string>& reasons) {
  std::string out;
  for (const std::string& reason : reasons) {
    for (const std::string& line : Split(reason, '\n')) {
      if (!line.empty()) out += "# " + line + "\n";
    }
    out += "#\n";
  }
  return out;
}

// `deployments.apps "web"`.
std::string Called(const Resource& resource, const std::string& name) {
  return fmt::format("{} \"{}\"", ServedKind{.resource = resource}.FullName(), name);
}

// "pods "web" was not valid:" and a line a cause.
std::string FailureText(const std::string& called, const std::vector<Cause>& causes) {
  std::string text = called + (causes.empty() ? " was not valid\n" : " was not valid:\n");
  for (const Cause& cause : causes) text += fmt::format("* {}: {}\n", cause.field, cause.message);
  return text;
}

// What an editor is opened on.
struct EditedText {
  std::string shown;
  std::string called;  // The first of what is in it, as errors name it.
  bool validates;      // Whether it is an object, before anything else.
  bool ends_crlf;      // The lines of the file end as on Windows.
  const char* head = kHead;
};
EditedText OpenedOn(const WriteFlags& flags, bool ends_crlf, const Json& document,
                    std::string called) {
  const std::string& output = flags.print.output;
  if (output == "json") {
    return {PrettyJson(document), std::move(called), flags.Validates(), ends_crlf, ""};
  }
  return {output == "kyaml" ? DumpKyaml(document) : DumpYaml(document), std::move(called),
          flags.Validates(), ends_crlf};
}

Result<> WriteOpened(const EditedText& text, ScratchFile& file, std::string_view opened) {
  if (!text.ends_crlf) return file.Write(std::string(opened));
  std::string lines;
  for (const char c : opened) {
    if (c == '\n') lines += '\r';
    lines += c;
  }
  return file.Write(lines);
}

Result<std::string> ReadSaved(const EditedText& text, ScratchFile& file) {
  const std::string saved = TRY(file.Read());
  if (!text.ends_crlf) return saved;
  std::string lines;
  for (size_t i = 0; i < saved.size(); ++i) {
    if (saved.compare(i, 2, "\r\n") != 0) lines += saved[i];
  }
  return lines;
}

// What became of it. Nothing in it: all is saved.
struct Outcome {
  std::vector<std::string> reasons;  // Why the user has to look at it again.
  bool is_gone = false;              // Something of it is not there any more.
  bool may_be_replaced = false;      // Something could not be patched.
};
using SaveEdited = std::function<Result<Outcome>(const Json& edited)>;

// A List as it is edited, or the one object.
Json DocumentOf(const std::vector<Json>& objects) {
  if (objects.size() == 1) return objects[0];
  return {
      {"apiVersion", "v1"}, {"items", objects}, {"kind", "List"}, {"metadata", Json::object()}};
}

// Why it is neither an object nor a List of some; "" where it is.
std::string WhyNoObjects(const Json& document) {
  std::string why = WhyNoObject(document);
  if (!why.empty() || TextAt(document, "kind") != "List") return why;
  const Json& items = At(document, "items");
  if (!items.is_array()) return WhyNoObject(nullptr);
  for (const Json& item : items) {
    why = WhyNoObject(item);
    if (!why.empty()) return why;
  }
  return "";
}

Result<> CheckNamespace(const Session& session, const std::string& edited) {
  if (edited.empty() || edited == session.namespace_()) return {};
  return CliError(fmt::format(
      "the namespace from the provided object \"{}\" does not match the namespace \"{}\". You "
      "must pass '--namespace={}' to perform this operation.",
      edited, session.namespace_(), edited));
}

// Those of a List, or the one object.
Json ItemsOfEdited(const Json& edited) {
  return TextAt(edited, "kind") == "List" ? At(edited, "items") : Json::array({edited});
}

// What was edited belongs where the command line says, as what a file has does. A reason for the
// user to look again goes to `outcome`, and nothing comes back.
Result<std::vector<ManifestObject>> PlaceEdited(Session& session, const Json& edited,
                                                Outcome& outcome) {
  std::vector<ManifestObject> all;
  for (const Json& item : ItemsOfEdited(edited)) {
    auto placed = PlaceObject(session, "edited-file", item, {});
    if (!placed) {
      TRY(CheckNamespace(session, NamespaceOf(item)));
      outcome.reasons = {"The edited file had a syntax error: " + placed.error().message};
      return std::vector<ManifestObject>();
    }
    TRY(CheckNamespace(session, placed->key.namespace_));
    all.push_back(std::move(*placed));
  }
  return all;
}

tl::unexpected<Error> KeepCopy(Command& command, ScratchFile& file, Error error) {
  command.Warn("A copy of your changes has been stored to \"{}\"\n", file.path());
  file.Keep();
  return Fail(std::move(error));
}

// What was typed into an editor that failed then is kept, also what it saved the time before.
tl::unexpected<Error> NotEdited(Command& command, ScratchFile& file, const EditedText& text,
                                Error error) {
  const auto saved = ReadSaved(text, file);
  if (!saved || WithoutComments(*saved) == text.shown) return Fail(std::move(error));
  return KeepCopy(command, file, std::move(error));
}

// Checks what was saved before anything is sent.
Result<Outcome> Saved(Command& command, const EditedText& text, const Result<YamlDocument>& parsed,
                      const SaveEdited& save) {
  const std::string why = parsed ? WhyNoObjects(parsed->value) : parsed.error().message;
  if (why.empty() || (parsed && !text.validates)) return save(parsed->value);
  if (!text.validates) return Outcome{{"The edited file had a syntax error: " + why}};
  command.Warn("error: {} is invalid\n", text.called);
  return Outcome{
      {FailureText(text.called,
                   {{.message = "Invalid value: \"The edited file failed validation\": " + why,
                     .field = "<nil>"}})}};
}

// The editor is opened until what it saves is accepted, or saves the same wrong text again.
Result<> EditUntilSaved(Command& command, const EditedText& text, const SaveEdited& save) {
  const bool json = *text.head == '\0';  // No comments are in it.
  ScratchFile file = TRY(ScratchFile::Create(command.environment().program + "-edit-XXXXXX",
                                             json ? ".json" : ".yaml"));
  const auto shown = ParseYaml(text.shown);
  std::string opened = text.head + text.shown;
  std::optional<std::string> failed;
  while (true) {
    TRY(WriteOpened(text, file, opened));
    if (auto run = RunEditor(command, file.path()); !run) {
      return NotEdited(command, file, text, std::move(run).error());
    }
    const std::string saved = TRY(ReadSaved(text, file));
    const std::string edited = WithoutComments(saved);
    // Who validates, as all do who do not say otherwise, is told that it is no object.
    if (edited.empty() && !text.validates) {
      command.Warn("Edit cancelled, saved file was empty.\n");
      return {};
    }
    const auto parsed = ParseYaml(edited);
    if (edited == text.shown || (parsed && shown && parsed->value == shown->value)) {
      command.Warn("Edit cancelled, no changes made.\n");
      return {};
    }
    if (edited == failed) {
      return KeepCopy(command, file,
                      CliError("Edit cancelled, no valid changes were saved.").value());
    }
    failed = edited;
    auto outcome = Saved(command, text, parsed, save);
    if (!outcome) return KeepCopy(command, file, std::move(outcome).error());
    if (outcome->may_be_replaced || outcome->is_gone) {
      if (outcome->may_be_replaced) {
        command.Warn("You can run `{} replace -f {}` to try this update again.\n",
                     command.environment().program, file.path());
      } else {
        command.Warn("The edits you made on deleted resources have been saved to \"{}\"\n",
                     file.path());
      }
      file.Keep();
      command.set_exit_code(1);
      return Fail(Command::ExitNow().value());
    }
    if (outcome->reasons.empty()) return {};
    opened = text.head + (json ? "" : AsComments(outcome->reasons)) + edited;
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
      if (IsOfOtherKind(target)) shows_other_kind_ = true;
    }
  }
  Result<> Run();

 private:
  // What a subresource shows may be of a kind that no resource has, such as a Scale.
  static bool IsOfOtherKind(const Target& target) {
    return TextAt(target.object, "kind") != target.resource.kind;
  }
  // Which of them it is: by its uid, as kubectl tells.
  Result<size_t> IndexOf(const Json& edited) const;
  Result<std::vector<Json>> Placed(const Json& edited, Outcome& outcome) const;
  Result<> Save(size_t index, const Json& saved);
  Result<Outcome> SaveAll(const Json& edited);

  Command& command_;
  Session& session_;
  const EditFlags& flags_;
  const std::vector<Target>& targets_;
  std::vector<Json> originals_;
  bool shows_other_kind_ = false;
};

Result<size_t> Editing::IndexOf(const Json& edited) const {
  const std::string uid = TextAt(edited, "metadata", "uid");
  for (size_t i = 0; i < originals_.size(); ++i) {
    const Json& original = originals_[i];
    if (uid != TextAt(original, "metadata", "uid")) continue;
    const bool is_it = NameOf(edited) == NameOf(original) &&
                       TextAt(edited, "kind") == TextAt(original, "kind") &&
                       TextAt(edited, "apiVersion") == TextAt(original, "apiVersion");
    if (is_it) return i;
    return CliError("At least one of apiVersion, kind and name was changed");
  }
  return CliError("no original object found for &unstructured.Unstructured{Object:" +
                  GoSyntax(edited) + "}");
}

// A kind that no resource has cannot be looked for: that it has stayed as it was is told with its
// uid.
Result<std::vector<Json>> Editing::Placed(const Json& edited, Outcome& outcome) const {
  std::vector<Json> all;
  if (!shows_other_kind_) {
    for (ManifestObject& placed : TRY(PlaceEdited(session_, edited, outcome))) {
      all.push_back(std::move(placed.object));
    }
    return all;
  }
  for (const Json& item : ItemsOfEdited(edited)) {
    TRY(CheckNamespace(session_, NamespaceOf(item)));
    all.push_back(item);
  }
  return all;
}

Result<> Editing::Save(size_t index, const Json& saved) {
  // One that was left as it is has that changed of it.
  Json edited = flags_.write.record.In(saved);
  if (flags_.write.save_config) edited = WithLastApplied(std::move(edited));
  const Target& target = targets_[index];
  const Json& original = originals_[index];
  // "scale.autoscaling/web".
  Resource shown = target.resource;
  if (IsOfOtherKind(target)) {
    shown.kind = TextAt(original, "kind");
    shown.api_version = TextAt(original, "apiVersion");
  }
  if (edited == original) {
    return PrintWritten(command_, flags_.write, original, shown, "skipped");
  }
  const Type* type = nullptr;
  if (!IsOfOtherKind(target)) {
    const auto kind = TRY(session_.kinds().FindByKind(shown.api_version, shown.kind));
    if (kind && kind->info) type = kind->info->type;
  }
  const Json patch = ThreeWayPatch(type, original, edited, original);
  const WriteOptions options = TRY(flags_.write.Options());
  Json result = original;
  if (!patch.empty()) {
    result = TRY(session_.api().Patch(target.resource, target.key,
                                      type ? PatchType::kStrategic : PatchType::kMerge, patch,
                                      options, flags_.subresource));
  }
  if (flags_.output_patch) command_.Print("Patch: {}\n", patch.dump());
  return PrintWritten(command_, flags_.write, result, shown, "edited");
}

// The rest is saved where some is not.
Result<Outcome> Editing::SaveAll(const Json& edited) {
  Outcome outcome;
  for (const Json& placed : TRY(Placed(edited, outcome))) {
    const size_t index = TRY(IndexOf(placed));
    const Target& target = targets_[index];
    const auto done = Save(index, placed);
    if (done) continue;
    const std::string called = Called(target.resource, target.key.name);
    if (done.error().reason == Reason::kInvalid) {
      outcome.reasons.push_back(FailureText(called, done.error().causes));
      command_.Warn("error: {} is invalid\n", called);
    } else if (done.error().reason == Reason::kNotFound) {
      outcome.is_gone = true;
      command_.Warn("error: {} could not be found on the server\n", called);
    } else {
      outcome.may_be_replaced = true;
      command_.Warn("error: {} could not be patched: {}\n", called, done.error().message);
    }
  }
  return outcome;
}

Result<> Editing::Run() {
  const std::string called = Called(targets_[0].resource, targets_[0].key.name);
  return EditUntilSaved(
      command_, OpenedOn(flags_.write, flags_.windows_line_endings, DocumentOf(originals_), called),
      [&](const Json& edited) { return SaveAll(edited); });
}

}  // namespace

Result<> CheckEditFormat(const PrintFlags& print) {
  const std::string& output = print.output;
  if (output.empty() || output == "json" || output == "kyaml" || output == "yaml") return {};
  return CliError(fmt::format("unable to match a printer suitable for the output format \"{}\", "
                              "allowed formats are: {}",
                              output, kEditFormats));
}

Result<> EditAndCreate(Command& command, const WriteFlags& flags, bool ends_crlf,
                       const ManifestObject& object) {
  const std::string called = Called(object.kind.resource, object.key.name);
  return EditUntilSaved(
      command, OpenedOn(flags, ends_crlf, object.object, called),
      [&](const Json& edited) -> Result<Outcome> {
        Outcome outcome;
        Session& session = *TRY(command.session());
        for (const ManifestObject& placed : TRY(PlaceEdited(session, edited, outcome))) {
          TRY(CreateAndPrint(command, flags, placed.kind.resource, placed.key.namespace_,
                             placed.object));
        }
        return outcome;
      });
}

namespace {

// What the annotations say, which stays an annotation: of the objects that they say they are of.
Result<Outcome> SaveAnnotations(Command& command, const WriteFlags& flags, const Json& edited) {
  Outcome outcome;
  Session& session = *TRY(command.session());
  WriteOptions options = TRY(flags.Options());
  options.field_validation.clear();
  for (const ManifestObject& placed : TRY(PlaceEdited(session, edited, outcome))) {
    const std::string text = SetLastAppliedText(flags.record.In(placed.object));
    const Json patch = {{"metadata", {{"annotations", {{kLastApplied, text}}}}}};
    const Resource& resource = placed.kind.resource;
    const Json result =
        TRY(session.api().Patch(resource, placed.key, PatchType::kMerge, patch, options));
    TRY(PrintWritten(command, flags, result, resource, "edited"));
  }
  return outcome;
}

}  // namespace

Result<> RunEditLastApplied(Command& command, const Args& args) {
  WriteFlags flags;
  FileFlags files;
  bool windows_line_endings = false;
  flags.AddWithoutDryRun(command, "kubectl-client-side-apply");
  files.AddTo(command);
  command.Flag("windows-line-endings", windows_line_endings, kLineEndsHelp);
  flags.print.formats = kEditFormats;
  TRY(command.Parse(args));
  TRY(flags.Check());
  TRY(CheckEditFormat(flags.print));
  const auto targets =
      TRY(FindTargets(command, command.words(), {.files = &files, .names_needed = false}));
  std::vector<Json> applied;
  std::string called;
  for (const Target& target : targets) {
    const std::string text = TextAt(target.object, "metadata", "annotations", kLastApplied);
    if (text.empty()) continue;
    applied.push_back(TRY(ParseJson(text)));
    if (called.empty()) called = Called(target.resource, target.key.name);
  }
  if (applied.empty()) {
    if (command.exit_code() != 0) return {};
    return CliError(fmt::format(
        "no last-applied-configuration annotation found on resources, to create the annotation, "
        "use command `{} apply set-last-applied --create-annotation`",
        command.environment().program));
  }
  EditedText text = OpenedOn(flags, windows_line_endings, DocumentOf(applied), called);
  if (*text.head != '\0') text.head = kAnnotationHead;
  return EditUntilSaved(command, text, [&](const Json& edited) {
    return SaveAnnotations(command, flags, edited);
  });
}

Result<> RunEdit(Command& command, const Args& args) {
  EditFlags flags;
  flags.write.AddWithoutDryRun(command, "kubectl-edit");
  flags.files.AddTo(command);
  command.Flag("subresource", flags.subresource, "Edit this subresource of the objects.");
  command.Flag("output-patch", flags.output_patch, "Output the patch.");
  command.Flag("windows-line-endings", flags.windows_line_endings, kLineEndsHelp);
  flags.write.print.formats = kEditFormats;
  flags.write.print.separates_documents = false;
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  TRY(CheckEditFormat(flags.write.print));
  const auto targets = TRY(FindTargets(
      command, command.words(),
      {.files = &flags.files, .names_needed = false, .subresource = flags.subresource}));
  // Where one of them is not there, none is edited.
  if (command.exit_code() != 0) return {};
  if (targets.empty()) return CliError("edit cancelled, no objects found");
  Session& session = *TRY(command.session());
  return Editing(command, session, flags, targets).Run();
}

}  // namespace skiff::cli
