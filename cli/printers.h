// What -o means: objects as YAML, JSON, names, or by a template.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/json_text.h"
#include "client/resource.h"

namespace skiff::cli {

struct PrintFlags {
  std::string output;
  std::string template_;
  bool show_managed_fields = false;
  bool allow_missing_template_keys = true;
  // What an unknown one could have been.
  const char* formats =
      "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,"
      "template,templatefile,yaml";
  // Of verbs whose documents in YAML stand beside each other, as kubectl has them.
  bool separates_documents = true;
  MemberOrder json_order = {.first = {}, .levels = 0};
  // What a template has printed before it failed, and more about that, as kubectl has it.
  std::function<void(std::string_view)> tell = [](std::string_view) {};
  void AddTo(Command& command);
  // What cannot be printed is not done either: before a verb acts.
  Result<> Check() const;
  // Whole objects are shown without managedFields; templates and paths find them.
  bool HidesManagedFields() const;
};

class ObjectPrinter {
 public:
  virtual ~ObjectPrinter() = default;
  virtual Result<std::string> Print(const Json& object) = 0;
};

// For -o other than "wide" and custom columns; --template without -o is a Go template. Keeps what
// was printed before in mind: YAML documents are separated.
Result<std::unique_ptr<ObjectPrinter>> MakeObjectPrinter(const PrintFlags& flags);

// `object` without metadata.managedFields, those of a List's items too.
void DropManagedFields(Json& object);

// What a verb did to an object: "pod/web created", or the object as -o asks.
Result<> PrintOutcome(Command& command, const PrintFlags& flags, const Json& object,
                      const Resource& resource, const std::string& operation);

// The spec that a file of two lines, headers and paths, stands for.
Result<std::string> ColumnsOfFile(const std::string& path);
// custom-columns=NAME:.metadata.name,...: a table of the objects. Where a path cannot be followed,
// `written` gets what stands before that.
Result<std::string> CustomColumns(const std::string& spec, const std::vector<Json>& objects,
                                  bool headers, std::string* written = nullptr);

}  // namespace skiff::cli
