// What the workers of the examples take, for editors and `tsc`: names that other files serve are declared once.

declare const LedgerService: Troupe.Address<
  | { type: "EXECUTE_TRANSFER"; account: string; to: string; amount: number; transactionId: string; day?: string }
  | { type: "CREDIT"; account: string; amount: number; transactionId: string }
>;
declare const NotificationService: Troupe.Address<{
  type: "NOTIFY_SUCCESS" | "NOTIFY_FAILURE";
  transactionId: string;
  customer: string;
  to: string;
  amount: number;
  reason?: string;
}>;
declare const AlertService: Troupe.Address<{
  type: "HIGH_FRAUD_RISK_ALERT";
  userId: string;
  transactionId: string;
  score: number;
}>;
declare const DataAggregatorService: Troupe.Address<
  | { type: "RECORD_TRADE"; day: string; from: string; to: string; amount: number; entry: number }
  | { type: "FETCH_DAILY_TRADES"; day: string }
>;
declare const ReportFormattingService: Troupe.Address<{ type: "FORMAT_AS_PDF"; title: string; lines: string[] }>;
declare const EmailDistributionService: Troupe.Address<{ type: "SEND_REPORT"; subject: string; attachment: string }>;
