CREATE TABLE `tasks` (
	`task_id` text PRIMARY KEY,
	`backend` text NOT NULL,
	`status` text NOT NULL,
	`shots` integer DEFAULT 0 NOT NULL,
	`submit_time` text NOT NULL,
	`update_time` text NOT NULL,
	`result_json` text,
	`metadata_json` text DEFAULT '{}' NOT NULL
);
--> statement-breakpoint
CREATE INDEX `tasks_backend_idx` ON `tasks` (`backend`);--> statement-breakpoint
CREATE INDEX `tasks_status_idx` ON `tasks` (`status`);--> statement-breakpoint
CREATE INDEX `tasks_submit_time_idx` ON `tasks` (`submit_time`);--> statement-breakpoint
PRAGMA application_id = 1431193923;--> statement-breakpoint
PRAGMA user_version = 1;
