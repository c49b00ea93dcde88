// irisctl: reads the command line and runs one command.
#include <CLI/CLI.hpp>
#include <csignal>

#include "client/commands.hpp"
#include "proto/address.hpp"

namespace {

using iris::client::Options;
using Command = int (*)(const Options&);

// The command chosen by the command line; nullptr until parsed.
struct CommandLine {
  Options options;
  Command command = nullptr;

  CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& description, Command run) {
    CLI::App* sub = app.add_subcommand(name, description);
    sub->callback([this, run] { command = run; });
    return sub;
  }

  void describe(CLI::App& app) {
    app.set_version_flag("--version", "irisctl " IRIS_VERSION);
    app.add_option("--server", options.server, "Where irisd listens: the path of its socket, or unix:PATH")
        ->type_name("ADDRESS")
        ->check([](const std::string& address) {
          const auto path = iris::proto::socket_path(address);
          return path ? std::string() : path.error();
        });
    app.add_flag("--json", options.json, "Print JSON, one object a line");
    app.failure_message([](const CLI::App*, const CLI::Error& error) {
      return "irisctl: " + std::string(error.what()) + "\nRun `irisctl --help` to see what there is.\n";
    });
    app.require_subcommand(1);
    app.fallthrough();

    CLI::App* add = add_command(app, "add", "Add subscriptions: compile them and run them", iris::client::add);
    add->add_option("SRC", options.sources, "C++ sources")->type_name("");
    CLI::Option* records = add->add_option("--records", options.records,
                                           "Instead of sources: records of the default analysis, as in conn,tls");
    records->type_name("NAMES")->delimiter(',')->allow_extra_args(false);
    add->add_option("--filter", options.filter, "Of what to emit these records; otherwise of everything")
        ->type_name("EXPR")
        ->needs(records);
    add->add_option("--filters", options.filters,
                    "A file of filters, one a line, or `NAME: EXPR`: a subscription for each, all at once or none")
        ->type_name("FILE")
        ->needs(records)
        ->excludes("--filter");
    add->add_option("--name", options.name,
                    "What to call it (with --filters: the beginning of it); otherwise made from the file's name")
        ->type_name("N");

    add_command(app, "list", "List the live subscriptions", iris::client::list);

    CLI::App* show = add_command(app, "show", "Show one subscription and its source", iris::client::show);
    show->add_option("N", options.names, "Its name")->required()->expected(1)->type_name("");

    CLI::App* remove = add_command(app, "remove", "Remove subscriptions", iris::client::remove);
    remove->add_option("N", options.names, "Their names, or patterns: 'hosts-*'")->required()->type_name("");

    CLI::App* tail = add_command(app, "tail", "Print a subscription's events as they come", iris::client::tail);
    tail->add_option("N", options.names, "Its name")->required()->expected(1)->type_name("");

    CLI::App* check = add_command(app, "check", "Check a source without adding it", iris::client::check);
    check->add_option("SRC", options.sources, "A C++ source")->required()->expected(1)->type_name("");

    CLI::App* fields = add_command(app, "fields", "List what filters may name", iris::client::fields);
    fields->add_option("PROTOCOL", options.names, "Of one protocol only")->expected(0, 1)->type_name("");

    CLI::App* explain = add_command(app, "explain", "Show how filters are decided together, and what that takes",
                                    iris::client::explain);
    explain->add_option("N", options.names, "What is about one subscription, and with whom it shares its work")
        ->expected(0, 1)
        ->type_name("");
    explain->add_flag("--dot", options.dot, "As a graph for Graphviz: irisctl explain --dot | dot -Tsvg");

    add_command(app, "status", "Show what irisd receives and runs", iris::client::status);
  }
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("Adds, watches and removes subscriptions of a running irisd.", "irisctl");
  CommandLine line;
  line.describe(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? iris::client::exit_done : iris::client::exit_usage;
  }
  return line.command(line.options);
}
