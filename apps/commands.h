// The sub-commands of the program, one file each. Each function adds its command to the parser; CLI11 runs it from
// parse().
#pragma once

namespace CLI {
class App;
}

namespace skylift {

void add_demo_command(CLI::App& app);
void add_synth_command(CLI::App& app);
void add_data_command(CLI::App& app);
void add_browse_command(CLI::App& data_command);
void add_train_command(CLI::App& app);
void add_distill_command(CLI::App& app);
void add_eval_command(CLI::App& app);
void add_predict_command(CLI::App& app);
void add_serve_command(CLI::App& app);
void add_export_command(CLI::App& app);
void add_import_command(CLI::App& app);
void add_info_command(CLI::App& app);
void add_study_command(CLI::App& app);
void add_runs_command(CLI::App& app);
void add_report_command(CLI::App& app);
void add_models_command(CLI::App& app);
void add_list_commands(CLI::App& app);  ///< methods, options

}  // namespace skylift
