ALTER TABLE `archived_tasks` ADD `error_message` text;--> statement-breakpoint
ALTER TABLE `tasks` ADD `error_message` text;--> statement-breakpoint
PRAGMA user_version = 3;
