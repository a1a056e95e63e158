BEGIN TRANSACTION;
CREATE TABLE assignments (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	purpose VARCHAR(16) NOT NULL, 
	iteration INTEGER, 
	evaluation_id INTEGER, 
	problem_id TEXT NOT NULL, 
	samples INTEGER NOT NULL, 
	done INTEGER NOT NULL, 
	temperature DOUBLE NOT NULL, 
	top_p DOUBLE NOT NULL, 
	owner TEXT, 
	lease_expires_at DOUBLE, 
	completed_at DOUBLE, 
	CONSTRAINT ck_assignments_one_reason CHECK ((iteration IS NULL) <> (evaluation_id IS NULL)), 
	CONSTRAINT ck_assignments_done_within_samples CHECK (done <= samples), 
	CONSTRAINT fk_assignments_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES evaluations (id), 
	CONSTRAINT fk_assignments_iteration FOREIGN KEY(iteration) REFERENCES iterations (number), 
	CONSTRAINT fk_assignments_problem_id FOREIGN KEY(problem_id) REFERENCES problems (id)
);
INSERT INTO "assignments" VALUES(1,'eval',NULL,1,'products-c61182eedf36',1,1,0.0,1.0,NULL,1.79584918315182662015e+09,1.79584912446920347221e+09);
INSERT INTO "assignments" VALUES(2,'eval',NULL,1,'products-dc1fdce72571',1,1,0.0,1.0,NULL,1.79584918315182662015e+09,1.79584912446920347221e+09);
INSERT INTO "assignments" VALUES(3,'eval',NULL,1,'products-b14d6d4df4b7',1,1,0.0,1.0,NULL,1.79584918315182662015e+09,1.79584912446920347221e+09);
INSERT INTO "assignments" VALUES(4,'eval',NULL,1,'products-6472861905b6',1,1,0.0,1.0,NULL,1.79584918315182662015e+09,1.79584912446920347221e+09);
INSERT INTO "assignments" VALUES(5,'eval',NULL,1,'products-de2b1059256d',1,1,0.0,1.0,NULL,1.79584918321960878371e+09,1.79584912446920347221e+09);
INSERT INTO "assignments" VALUES(6,'eval',NULL,1,'products-bd05bad060e9',1,1,0.0,1.0,NULL,1.79584918321960878371e+09,1.79584912446920347221e+09);
INSERT INTO "assignments" VALUES(7,'train',1,NULL,'products-a147756af887',2,2,0.8,1.0,NULL,1.79584918591242408752e+09,1.79584912713467907902e+09);
INSERT INTO "assignments" VALUES(8,'train',1,NULL,'products-f14df0bd35c3',2,2,0.8,1.0,NULL,1.79584918591242408752e+09,1.79584912713467907902e+09);
INSERT INTO "assignments" VALUES(9,'train',1,NULL,'products-2dd41f5a5888',2,2,0.8,1.0,NULL,1.79584918591242408752e+09,1.79584912713467907902e+09);
INSERT INTO "assignments" VALUES(10,'train',1,NULL,'products-a91bb48c491a',2,2,0.8,1.0,NULL,1.79584918591242408752e+09,1.79584912713467907902e+09);
INSERT INTO "assignments" VALUES(11,'train',1,NULL,'products-48560ab90aa6',2,2,0.8,1.0,NULL,1.7958491859315679073e+09,1.79584912713467907902e+09);
INSERT INTO "assignments" VALUES(12,'train',1,NULL,'products-c297b5d76e03',2,2,0.8,1.0,NULL,1.7958491859315679073e+09,1.79584912713467907902e+09);
INSERT INTO "assignments" VALUES(13,'eval',NULL,2,'products-c61182eedf36',1,1,0.0,1.0,NULL,1.79584918930817985537e+09,1.79584912993934965128e+09);
INSERT INTO "assignments" VALUES(14,'eval',NULL,2,'products-dc1fdce72571',1,1,0.0,1.0,NULL,1.79584918930817985537e+09,1.79584912993934965128e+09);
INSERT INTO "assignments" VALUES(15,'eval',NULL,2,'products-b14d6d4df4b7',1,1,0.0,1.0,NULL,1.79584918930817985537e+09,1.79584912993934965128e+09);
INSERT INTO "assignments" VALUES(16,'eval',NULL,2,'products-6472861905b6',1,1,0.0,1.0,NULL,1.79584918930817985537e+09,1.79584912993934965128e+09);
INSERT INTO "assignments" VALUES(17,'eval',NULL,2,'products-de2b1059256d',1,1,0.0,1.0,NULL,1.79584918931949830056e+09,1.79584912993934965128e+09);
INSERT INTO "assignments" VALUES(18,'eval',NULL,2,'products-bd05bad060e9',1,1,0.0,1.0,NULL,1.79584918931949830056e+09,1.79584912993934965128e+09);
CREATE TABLE automathes_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT automathes_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "automathes_schema" VALUES('0003');
CREATE TABLE evaluation_metrics (
	evaluation_id INTEGER NOT NULL, 
	metric TEXT NOT NULL, 
	value DOUBLE NOT NULL, 
	CONSTRAINT pk_evaluation_metrics PRIMARY KEY (evaluation_id, metric), 
	CONSTRAINT fk_evaluation_metrics_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES evaluations (id)
);
INSERT INTO "evaluation_metrics" VALUES(1,'pass@1',0.5);
INSERT INTO "evaluation_metrics" VALUES(2,'pass@1',0.5);
CREATE TABLE "evaluations" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	policy_version INTEGER NOT NULL, 
	benchmark TEXT NOT NULL, 
	temperature DOUBLE NOT NULL, 
	top_p DOUBLE NOT NULL, 
	samples INTEGER NOT NULL, 
	n INTEGER, 
	created_at DOUBLE NOT NULL, 
	finished_at DOUBLE, 
	problems_key VARCHAR(32) DEFAULT ('') NOT NULL, 
	CONSTRAINT fk_evaluations_policy_version FOREIGN KEY(policy_version) REFERENCES policies (version), 
	CONSTRAINT uq_evaluations_what UNIQUE (policy_version, benchmark, temperature, top_p, samples, problems_key)
);
INSERT INTO "evaluations" VALUES(1,1,'heldout',0.0,1.0,1,6,1.79584912297116136548e+09,1.79584912464031171801e+09,'0895f1a86185c7c6025c98cc2c41c78d');
INSERT INTO "evaluations" VALUES(2,2,'heldout',0.0,1.0,1,6,1.79584912924765133851e+09,1.79584912997171330453e+09,'0895f1a86185c7c6025c98cc2c41c78d');
CREATE TABLE executions (
	id INTEGER NOT NULL, 
	rollout_seq INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	seconds DOUBLE NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_executions PRIMARY KEY (id), 
	CONSTRAINT fk_executions_rollout_seq FOREIGN KEY(rollout_seq) REFERENCES rollouts (seq), 
	CONSTRAINT uq_executions_rollout_seq_position UNIQUE (rollout_seq, position)
);
INSERT INTO "executions" VALUES(1,1,0,'ok',1.03945000091698602773e-04,X'783FC02B17D58B463507241A93079454D2C92BCDC989050083C30847');
INSERT INTO "executions" VALUES(2,2,0,'ok',1.86140000096202129498e-04,X'783FBE9717C78B463507241A93079454D2C92BCDC9890500835D0841');
INSERT INTO "executions" VALUES(3,3,0,'ok',1.598168299983626639e-02,X'783F7E9917308B463504281893079452D2C92BCDC98905007C5C080E');
INSERT INTO "executions" VALUES(4,4,0,'ok',3.00428400009877805132e-03,X'783FC07417DC8B463507241A93079454D2C92BCDC989050083BB0848');
INSERT INTO "executions" VALUES(5,5,0,'ok',1.58637999902566662058e-04,X'783FC0F817DE8B463507241A93079454D2C92BCDC989050083ED084A');
INSERT INTO "executions" VALUES(6,6,0,'ok',1.78104000042367260903e-04,X'783F801F17468B463504281893079452D2C92BCDC98905007C900814');
INSERT INTO "executions" VALUES(7,7,0,'ok',8.9004999995268008206e-04,X'783F7E5C172F8B463504281893079452D2C92BCDC98905007C46080D');
INSERT INTO "executions" VALUES(8,8,0,'ok',7.21886900009849341586e-03,X'783FC27517EA8B463507241A93079454D2C92BCDC989050084440850');
INSERT INTO "executions" VALUES(9,9,0,'ok',1.41555000027437927201e-04,X'783FC13717DF8B463507241A93079454D2C92BCDC98905008401084B');
INSERT INTO "executions" VALUES(10,10,0,'ok',2.28307999805110739544e-04,X'783FBFA817D58B463507241A93079454D2C92BCDC989050083860845');
INSERT INTO "executions" VALUES(11,11,0,'ok',7.11999299983290256932e-03,X'783F805C17498B463504281893079452D2C92BCDC98905007C990815');
INSERT INTO "executions" VALUES(12,12,0,'ok',9.20620000215421896427e-05,X'783FBF6817D28B463507241A93079454D2C92BCDC9890500837D0844');
INSERT INTO "executions" VALUES(13,13,0,'ok',1.04251599987037479877e-03,X'783FC22B17E38B463507241A93079454D2C92BCDC98905008449084F');
INSERT INTO "executions" VALUES(14,14,0,'ok',5.9223099992777861189e-04,X'783FBEA017C98B463507241A93079454D2C92BCDC9890500835A0841');
INSERT INTO "executions" VALUES(15,15,0,'ok',2.09478800002216303255e-03,X'783FC0EE17DC8B463507241A93079454D2C92BCDC989050083ED084A');
INSERT INTO "executions" VALUES(16,16,0,'ok',0.00645714000006592,X'783F7EB217318B463504281893079452D2C92BCDC98905007C4E080F');
INSERT INTO "executions" VALUES(17,17,0,'ok',1.58938000140551594085e-04,X'783FBF0F17CB8B463507241A93079454D2C92BCDC989050083750843');
INSERT INTO "executions" VALUES(18,18,0,'ok',1.10016999997242237441e-04,X'783FBDD817C28B463507241A93079454D2C92BCDC98905008329083E');
INSERT INTO "executions" VALUES(19,19,0,'ok',2.61622700008956599049e-03,X'783F7F5C173F8B463504281893079452D2C92BCDC98905007C5C0811');
INSERT INTO "executions" VALUES(20,20,0,'ok',1.56644000071537448093e-04,X'783F7F50173D8B463504281893079452D2C92BCDC98905007C5D0811');
INSERT INTO "executions" VALUES(21,21,0,'ok',6.1987860001408989774e-03,X'783FBF5417D08B463507241A93079454D2C92BCDC989050083770844');
INSERT INTO "executions" VALUES(22,22,0,'ok',8.87869998678070260211e-05,X'783FBE5817C88B463507241A93079454D2C92BCDC9890500833B0840');
INSERT INTO "executions" VALUES(23,23,0,'ok',5.82402000190995750017e-04,X'783F7D68172B8B463504281893079452D2C92BCDC98905007BEE0809');
INSERT INTO "executions" VALUES(24,24,0,'ok',8.2699099998535530176e-03,X'783F7D95172C8B463504281893079452D2C92BCDC98905007BF4080A');
INSERT INTO "executions" VALUES(25,25,0,'ok',6.7584800012809864711e-04,X'783FD7F817F78B463508281C93079454D2C92BCDC98905007C00080B');
INSERT INTO "executions" VALUES(26,26,0,'ok',6.66623300003266194835e-03,X'783FABF817A88B463506281A93079453D2C92BCDC98905007C30080E');
INSERT INTO "executions" VALUES(27,27,0,'ok',0.000287679999928514,X'783F7E1F172E8B463504281893079452D2C92BCDC98905007C30080C');
INSERT INTO "executions" VALUES(28,28,0,'ok',8.9142579997769644251e-03,X'783F7FCA17418B463504281893079452D2C92BCDC98905007C7C0813');
INSERT INTO "executions" VALUES(29,29,0,'ok',1.34431520000362070277e-02,X'783FC13717E18B463507241A93079454D2C92BCDC989050083F3084B');
INSERT INTO "executions" VALUES(30,30,0,'ok',3.49234999930558842606e-04,X'783FC21917DE8B463507A439260F28A9A493579A93130B0084610850');
INSERT INTO "executions" VALUES(31,31,0,'ok',1.05805239998062461381e-02,X'783F805C17498B463504281893079452D2C92BCDC98905007C990815');
INSERT INTO "executions" VALUES(32,32,0,'ok',1.67773660000420932192e-02,X'783F805C17498B463504281893079452D2C92BCDC98905007C990815');
INSERT INTO "executions" VALUES(33,33,0,'ok',3.83759999976973631419e-04,X'783FC13717DF8B463507241A93079454D2C92BCDC98905008401084B');
INSERT INTO "executions" VALUES(34,34,0,'ok',5.18528779998632671777e-02,X'783FC13717DF8B463507241A93079454D2C92BCDC98905008401084B');
INSERT INTO "executions" VALUES(35,35,0,'ok',2.42742949999410484451e-02,X'783FBFA817D58B463507241A93079454D2C92BCDC989050083860845');
INSERT INTO "executions" VALUES(36,36,0,'ok',6.84328530001039325725e-02,X'783FBFA817D58B463507241A93079454D2C92BCDC989050083860845');
INSERT INTO "executions" VALUES(37,37,0,'ok',1.55942000219511101022e-04,X'783FBF5417D08B463507241A93079454D2C92BCDC989050083770844');
INSERT INTO "executions" VALUES(38,38,0,'ok',7.97880400000394729431e-03,X'783FBF5417D08B463507241A93079454D2C92BCDC989050083770844');
INSERT INTO "executions" VALUES(39,39,0,'ok',4.73137849999147874768e-02,X'783FBFE717D48B463507241A93079454D2C92BCDC989050083A80846');
INSERT INTO "executions" VALUES(40,40,0,'ok',1.54299280000032013049e-02,X'783FBFE717D48B463507241A93079454D2C92BCDC989050083A80846');
INSERT INTO "executions" VALUES(41,41,0,'ok',3.28679399990505771711e-03,X'783FC07417DC8B463507241A93079454D2C92BCDC989050083BB0848');
INSERT INTO "executions" VALUES(42,42,0,'ok',2.47675709999839455122e-02,X'783FC07417DC8B463507241A93079454D2C92BCDC989050083BB0848');
INSERT INTO "executions" VALUES(43,43,0,'ok',3.15197100007935659959e-03,X'783FD7F817F78B463508281C93079454D2C92BCDC98905007C00080B');
INSERT INTO "executions" VALUES(44,44,0,'ok',1.24122999977771542035e-04,X'783FABDF17A68B463506281A93079453D2C92BCDC98905007C30080E');
INSERT INTO "executions" VALUES(45,45,0,'ok',2.82426480000594892771e-02,X'783F7E1F172E8B463504281893079452D2C92BCDC98905007C30080C');
INSERT INTO "executions" VALUES(46,46,0,'ok',0.000134322000121756,X'783F7FCA17418B463504281893079452D2C92BCDC98905007C7C0813');
INSERT INTO "executions" VALUES(47,47,0,'ok',0.000141285000154312,X'783FC13717E18B463507241A93079454D2C92BCDC989050083F3084B');
INSERT INTO "executions" VALUES(48,48,0,'ok',1.41559679998408682877e-02,X'783F952017808B463505A435260F28A7A493579A93130B0084610850');
CREATE TABLE heldout_bands (
	band BIGINT NOT NULL, 
	problem_id TEXT NOT NULL, 
	CONSTRAINT pk_heldout_bands PRIMARY KEY (band, problem_id), 
	CONSTRAINT fk_heldout_bands_problem_id FOREIGN KEY(problem_id) REFERENCES problems (id)
);
INSERT INTO "heldout_bands" VALUES(4742563724109500929,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(1735208827223974917,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(9160390770720967302,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(7522623306069951245,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(6110063710169054371,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(8650677712400064164,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(4614088712163947956,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(7664337714583907510,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(8244177172157092285,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(3851105908540348480,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(5635288084519874245,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(3114349985266903805,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(9110472251153984332,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(5866926563047308240,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(1582939538468560083,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(5271706489015246167,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(7529374267025148135,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(8801321965794593384,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(7837356990932168937,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(1603945804761525886,'products-d472543eade1');
INSERT INTO "heldout_bands" VALUES(7298859141677717759,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(2201379502078551171,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(1847558969810044811,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(4043516715926973708,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(7612165566437685643,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(8228152087960152591,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(6940637905827130134,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(7987407683513882396,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(1970226731787745701,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(2709420080947419300,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(3870550569308608555,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(8077591019394714029,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(7463781116874736688,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(4325228856418898103,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(838481853946076615,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(8379114721511629278,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(810998187079079654,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(4658007417376634483,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(5217290025523958137,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(4807981659301757562,'products-6472861905b6');
INSERT INTO "heldout_bands" VALUES(428539945594077442,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(2735799500501297922,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(1854480986723940616,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(619942499929061390,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(5687733796458837265,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(3368596990512299923,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(5041821658169281170,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(261249148285383842,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(7073813361510969376,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(998918360706780472,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(4540379237854885047,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(9165872464592066104,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(7395320330775477311,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(5865798178594950980,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(4779267941762968004,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(6363013710717283401,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(3138548517662966603,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(3908477712821622355,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(8321930664475996121,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(623781594118028268,'products-b14d6d4df4b7');
INSERT INTO "heldout_bands" VALUES(4172287335712831231,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(2309991323838228885,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(108178785473440407,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(3462695423392482714,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(2376971460396569122,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(2999136914150581548,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(6697984699252961973,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(5484332612125418427,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(5397496839643833148,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(2176902180986157126,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(454425262569174472,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(6939481763206000997,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(6905838162571526378,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(1511776023324317166,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(6400105419231513965,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(1561552998152604656,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(2428306011942828269,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(4586324733080964978,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(3297475535105538291,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(1876485953139326845,'products-a50ec65ba862');
INSERT INTO "heldout_bands" VALUES(7503921934057990145,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(1541798309033007754,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(289881796363698829,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(4911700124988677647,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(8034265848476008207,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(5244337279163454114,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(6012086673207218220,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(5424557183951835185,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(5076090638185113393,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(5086847969417299509,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(1517627499221206861,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(1602637521065305171,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(2207755103417309014,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(892427040249102169,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(7748111174453955806,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(5749566659586985952,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(7284953530675935588,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(5394521694390760174,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(777850820339149176,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(2918687978453683070,'products-6d993ec6c721');
INSERT INTO "heldout_bands" VALUES(7797389733034743678,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(3255069603797824386,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(3207142934253686549,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(5487492783882791195,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(2736687623991218460,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(6938299821280689822,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(3633512055173690917,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(3233646525887383462,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(9148297955745626023,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(576606865758321196,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(7443754757228941358,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(5896574744409184307,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(6540301403552225491,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(6338098200999762401,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(1267157215245903076,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(4026952544299766122,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(1407397678194996337,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(2770682346758554490,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(2573434847481566972,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(3114349985266903805,'products-de2b1059256d');
INSERT INTO "heldout_bands" VALUES(4987728675743241091,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(732266544111389318,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(756343749473773832,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(5989336148289577097,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(2654677265865491984,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(5506468693950417559,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(5153984405510470431,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(5617853281203548577,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(1287637244705658277,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(5932674022074157094,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(5860569535456714176,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(4248112081733108546,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(7695769092809720908,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(3187995303638392786,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(5362052855258104921,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(1713553701326447073,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(747489516303378787,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(7231233828073184372,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(798567388968752888,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(1071611860658878205,'products-bd05bad060e9');
INSERT INTO "heldout_bands" VALUES(6079637289378641278,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(7558527754261803389,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(4307511167618308357,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(7675144583797342723,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(2886002317897389318,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(6259687255286616089,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(519114365570868006,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(5547601540489409190,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(9209551198528636328,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(5122591210123383217,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(3921234931046881340,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(3851105908540348480,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(95925525268289858,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(5573971430313756485,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(2794429017012062026,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(8459449451231330517,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(629551835666836194,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(4497708498315985390,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(3943430017097727740,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(4312640209012458494,'products-c61182eedf36');
INSERT INTO "heldout_bands" VALUES(7619555990837209597,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(970274967014830338,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(5675386673084860295,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(5590345457916948233,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(1673045664945080209,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(6394577450541273890,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(5499200136104967590,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(7420644384473756847,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(6334358463650037553,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(1838650537373411898,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(7580276766944627770,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(5933737757793706428,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(338414311092404548,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(5626759915739822283,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(6812678831145274446,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(8551905467866239823,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(2775496727519363158,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(2600609881258738536,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(2980707094660242665,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(737247505457886830,'products-fb073cbf5d9f');
INSERT INTO "heldout_bands" VALUES(480409998749300873,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(1092174422667144205,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(8823509943148541843,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(3545045022697127318,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(1150540198830678950,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(6891163575007788844,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(2552486680721900861,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(6343692482036205756,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(3482572080840816833,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(2914809687949501130,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(6343917165690573522,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(4815339406913295957,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(1318395885706364762,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(7045574591649561822,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(5110664974214800866,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(7504529126372457827,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(584587769629420391,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(6431472845685539561,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(1382647378051900524,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(7618684860587115769,'products-01035d095884');
INSERT INTO "heldout_bands" VALUES(8493591335918858621,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(521100195028564227,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(1201385104959477136,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(3769283801876024594,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(2706388647649846933,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(8930858208809116308,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(6355668399457347479,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(2782880110888714280,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(55163748968390962,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(431267809267861942,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(7613918673902827588,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(4067741657189138768,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(3287930341743615448,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(99176023054878556,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(7038394863030240347,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(7274778608087744995,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(7352959074709667686,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(7443385912539476344,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(3035596687357959675,'products-dc1fdce72571');
INSERT INTO "heldout_bands" VALUES(3230391876543689724,'products-dc1fdce72571');
CREATE TABLE imports (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	read INTEGER NOT NULL, 
	added INTEGER NOT NULL, 
	known INTEGER NOT NULL, 
	left_out INTEGER NOT NULL, 
	imported_at DOUBLE NOT NULL
);
INSERT INTO "imports" VALUES(1,'',40,40,0,0,1.79584893310750722886e+09);
INSERT INTO "imports" VALUES(2,'',24,0,24,0,1.7958489535446751118e+09);
CREATE TABLE iterations (
	number INTEGER NOT NULL, 
	policy_version INTEGER NOT NULL, 
	config JSON NOT NULL, 
	metrics JSON NOT NULL, 
	opened_at DOUBLE NOT NULL, 
	closed_at DOUBLE, 
	CONSTRAINT pk_iterations PRIMARY KEY (number), 
	CONSTRAINT fk_iterations_policy_version FOREIGN KEY(policy_version) REFERENCES policies (version)
);
INSERT INTO "iterations" VALUES(1,1,'{}','{"iteration": 1, "policy_version": 2, "promoted_version": 2, "rollouts": 12, "accepted": 12, "acceptance_rate": 1.0, "outcomes": {"accepted": 12}, "blocks": 12, "tokens_per_s": 211.86166468275277, "loss": 0.0031787920233485624, "pass@1": 0.5, "seconds": {"sample": 1.4632189379999545, "learn": 1.787122694000118, "publish": 0.0891656859998875, "swap": 0.08566004099998281, "measure": 0.707713713999965}}',1.79584912562353968615e+09,1.79584913001701831818e+09);
CREATE TABLE label_changes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	problem_id TEXT NOT NULL, 
	review_id INTEGER, 
	old_answer TEXT NOT NULL, 
	new_answer TEXT NOT NULL, 
	changed_by TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	changed_at DOUBLE NOT NULL, 
	CONSTRAINT fk_label_changes_problem_id FOREIGN KEY(problem_id) REFERENCES problems (id), 
	CONSTRAINT fk_label_changes_review_id FOREIGN KEY(review_id) REFERENCES reviews (id)
);
CREATE TABLE left_out (
	split_key TEXT NOT NULL, 
	import_id INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	question TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	heldout_id TEXT NOT NULL, 
	likeness DOUBLE NOT NULL, 
	CONSTRAINT pk_left_out PRIMARY KEY (split_key), 
	CONSTRAINT fk_left_out_import_id FOREIGN KEY(import_id) REFERENCES imports (id), 
	CONSTRAINT fk_left_out_heldout_id FOREIGN KEY(heldout_id) REFERENCES problems (id)
);
CREATE TABLE outcome_changes (
	review_id INTEGER NOT NULL, 
	rollout_seq INTEGER NOT NULL, 
	old_outcome VARCHAR(16) NOT NULL, 
	new_outcome VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_outcome_changes PRIMARY KEY (review_id, rollout_seq), 
	CONSTRAINT fk_outcome_changes_review_id FOREIGN KEY(review_id) REFERENCES reviews (id), 
	CONSTRAINT fk_outcome_changes_rollout_seq FOREIGN KEY(rollout_seq) REFERENCES rollouts (seq)
);
CREATE TABLE policies (
	version INTEGER NOT NULL, 
	parent INTEGER, 
	path TEXT NOT NULL, 
	training_set_id INTEGER, 
	metrics JSON NOT NULL, 
	created_at DOUBLE NOT NULL, config JSON DEFAULT '{}' NOT NULL, checksum TEXT, 
	CONSTRAINT pk_policies PRIMARY KEY (version), 
	CONSTRAINT fk_policies_parent FOREIGN KEY(parent) REFERENCES policies (version), 
	CONSTRAINT fk_policies_training_set_id FOREIGN KEY(training_set_id) REFERENCES training_sets (id)
);
INSERT INTO "policies" VALUES(0,NULL,'{store}/policies/v000000',NULL,'{}',1.7958489536220870018e+09,'{"kind": "tiny_llama", "seed": 0, "vocabulary_size": 300, "hidden_size": 64, "num_layers": 2, "intermediate_size": 128, "num_heads": 2, "num_kv_heads": 1, "head_size": 32, "initializer_range": 0.08, "rope_theta": 100.0, "max_position_embeddings": 1024}','bcdf8ca4ee11d2177e1a2ded331b950cdc5ca2540916d23d555c9addfa541837');
INSERT INTO "policies" VALUES(1,0,'{store}/policies/v000001',1,'{"loss": 0.22314377540650407, "first_loss": 6.061678326716189, "final_loss": 0.0012265490683348783, "grad_norm": 0.24067476485762745, "learning_rate": 0.0005001927629584844, "steps": 250, "skipped_steps": 0, "sequences": 24, "tokens": 76875, "all_tokens": 264750, "too_long": 0, "without_loss": 0, "seconds": 41.033910316000174, "tokens_per_s": 1873.4505049114089}',1.79584912285410952569e+09,'{"phase": "warm_start", "num_ranks": 1, "cpus_per_rank": 0.5, "gpus_per_rank": 0.0, "threads": 0, "zero_stage": 0, "precision": "fp32", "warm_start": {"steps": 250, "epochs": null, "batch_size": 12, "micro_batch_tokens": null, "length_bucket_batches": 1, "learning_rate": 0.005, "warmup_steps": 10, "schedule": "cosine", "final_fraction": 0.1, "optimizer_state": "fresh"}, "iteration": {"steps": 10, "epochs": null, "batch_size": 12, "micro_batch_tokens": null, "length_bucket_batches": 1, "learning_rate": 0.003, "warmup_steps": 2, "schedule": "cosine", "final_fraction": 0.1, "optimizer_state": "fresh"}, "adam_betas": [0.9, 0.98], "weight_decay": 0.05, "gradient_clip": 1.0, "max_sequence_tokens": 192, "gradient_checkpointing": false, "activation_offload": false, "max_skipped_in_a_row": 5, "seed": 0, "build_timeout_s": 300.0, "update_timeout_s": 3600.0, "save_timeout_s": 600.0, "health_timeout_s": 15.0}','7756880881c38ed087e6edbe17ea99ac82181f2e39e5a246b26e6560423e8704');
INSERT INTO "policies" VALUES(2,1,'{store}/policies/v000002',2,'{"loss": 0.0031787920233485624, "first_loss": 0.0012054619464007292, "final_loss": 0.0010532108592052087, "grad_norm": 0.08899302491918207, "learning_rate": 0.0004027626311097629, "steps": 10, "skipped_steps": 0, "sequences": 25, "tokens": 2229, "all_tokens": 7677, "too_long": 0, "without_loss": 0, "seconds": 1.597513501000094, "tokens_per_s": 1395.2933722341472}',1.79584912915621399886e+09,'{"phase": "iteration", "num_ranks": 1, "cpus_per_rank": 0.5, "gpus_per_rank": 0.0, "threads": 0, "zero_stage": 0, "precision": "fp32", "warm_start": {"steps": 250, "epochs": null, "batch_size": 12, "micro_batch_tokens": null, "length_bucket_batches": 1, "learning_rate": 0.005, "warmup_steps": 10, "schedule": "cosine", "final_fraction": 0.1, "optimizer_state": "fresh"}, "iteration": {"steps": 10, "epochs": null, "batch_size": 12, "micro_batch_tokens": null, "length_bucket_batches": 1, "learning_rate": 0.003, "warmup_steps": 2, "schedule": "cosine", "final_fraction": 0.1, "optimizer_state": "fresh"}, "adam_betas": [0.9, 0.98], "weight_decay": 0.05, "gradient_clip": 1.0, "max_sequence_tokens": 192, "gradient_checkpointing": false, "activation_offload": false, "max_skipped_in_a_row": 5, "seed": 0, "build_timeout_s": 300.0, "update_timeout_s": 3600.0, "save_timeout_s": 600.0, "health_timeout_s": 15.0}','56223e75ffcee6576fa3e32f2b624aceaba6c3d5620f4f1d73fb7a629ca1d05a');
CREATE TABLE problems (
	id TEXT NOT NULL, 
	question TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	source TEXT NOT NULL, 
	split VARCHAR(16) NOT NULL, 
	split_key TEXT NOT NULL, 
	subject TEXT, 
	level TEXT, 
	shuffle_key INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, judged INTEGER DEFAULT '0' NOT NULL, accepted INTEGER DEFAULT '0' NOT NULL, solutions INTEGER DEFAULT '0' NOT NULL, mistakes INTEGER DEFAULT '0' NOT NULL, demonstrations INTEGER DEFAULT '0' NOT NULL, duplicates INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_problems PRIMARY KEY (id), 
	CONSTRAINT uq_problems_split_key UNIQUE (split_key)
);
INSERT INTO "problems" VALUES('products-d472543eade1','Solve the following multiplication: 4 * 1. Give only the result as your final answer.','4','reasoning_gym/products','heldout','products:1,4','products',NULL,1845514242,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-6472861905b6','Solve the following multiplication: 1 * 6. Give only the result as your final answer.','6','reasoning_gym/products','heldout','products:1,6','products',NULL,535185638,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-b14d6d4df4b7','Solve the following multiplication: 6 * 0. Give only the result as your final answer.','0','reasoning_gym/products','heldout','products:0,6','products',NULL,453114951,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-a50ec65ba862','Solve the following multiplication: 7 * 8. Give only the result as your final answer.','56','reasoning_gym/products','heldout','products:7,8','products',NULL,1862456093,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-6d993ec6c721','Solve the following multiplication: 8 * 5. Give only the result as your final answer.','40','reasoning_gym/products','heldout','products:5,8','products',NULL,880961285,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-de2b1059256d','Solve the following multiplication: 7 * 4. Give only the result as your final answer.','28','reasoning_gym/products','heldout','products:4,7','products',NULL,735037592,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-bd05bad060e9','Solve the following multiplication: 8 * 9. Give only the result as your final answer.','72','reasoning_gym/products','heldout','products:8,9','products',NULL,784067621,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-c61182eedf36','Solve the following multiplication: 1 * 1. Give only the result as your final answer.','1','reasoning_gym/products','heldout','products:1,1','products',NULL,392375857,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-fb073cbf5d9f','Solve the following multiplication: 8 * 8. Give only the result as your final answer.','64','reasoning_gym/products','heldout','products:8,8','products',NULL,1373534407,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-01035d095884','Solve the following multiplication: 8 * 4. Give only the result as your final answer.','32','reasoning_gym/products','heldout','products:4,8','products',NULL,928046610,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-dc1fdce72571','Solve the following multiplication: 2 * 1. Give only the result as your final answer.','2','reasoning_gym/products','heldout','products:1,2','products',NULL,453043688,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-b1bb1bdd528f','Solve the following multiplication: 0 * 4. Give only the result as your final answer.','0','reasoning_gym/products','train','products:0,4','products',NULL,922106151,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-13bc78f1abd1','Solve the following multiplication: 1 * 5. Give only the result as your final answer.','5','reasoning_gym/products','train','products:1,5','products',NULL,6699142,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-f22330dc1b64','Solve the following multiplication: 5 * 9. Give only the result as your final answer.','45','reasoning_gym/products','train','products:5,9','products',NULL,1661087690,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-55d6f734fd08','Solve the following multiplication: 8 * 0. Give only the result as your final answer.','0','reasoning_gym/products','train','products:0,8','products',NULL,1214112022,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-42ce3c4fba01','Solve the following multiplication: 6 * 2. Give only the result as your final answer.','12','reasoning_gym/products','train','products:2,6','products',NULL,857896183,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-7f74dc3efded','Solve the following multiplication: 4 * 2. Give only the result as your final answer.','8','reasoning_gym/products','train','products:2,4','products',NULL,1584794532,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-a2b3a79ed1e9','Solve the following multiplication: 7 * 9. Give only the result as your final answer.','63','reasoning_gym/products','train','products:7,9','products',NULL,273786387,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-8d9df4f4696e','Solve the following multiplication: 2 * 3. Give only the result as your final answer.','6','reasoning_gym/products','train','products:2,3','products',NULL,1276432882,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-c297b5d76e03','Solve the following multiplication: 4 * 4. Give only the result as your final answer.','16','reasoning_gym/products','train','products:4,4','products',NULL,1281883466,2,2,2,0,0,1,2);
INSERT INTO "problems" VALUES('products-24d9b80c93e0','Solve the following multiplication: 5 * 4. Give only the result as your final answer.','20','reasoning_gym/products','train','products:4,5','products',NULL,590477004,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-ac090d2a7d5c','Solve the following multiplication: 7 * 5. Give only the result as your final answer.','35','reasoning_gym/products','train','products:5,7','products',NULL,1056801468,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-14e4c47ba65b','Solve the following multiplication: 8 * 3. Give only the result as your final answer.','24','reasoning_gym/products','train','products:3,8','products',NULL,440018485,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-f14df0bd35c3','Solve the following multiplication: 6 * 4. Give only the result as your final answer.','24','reasoning_gym/products','train','products:4,6','products',NULL,1964040938,2,2,2,1,0,0,1);
INSERT INTO "problems" VALUES('products-4cdd7411c797','Solve the following multiplication: 0 * 9. Give only the result as your final answer.','0','reasoning_gym/products','train','products:0,9','products',NULL,343025611,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-d592c7cece45','Solve the following multiplication: 3 * 4. Give only the result as your final answer.','12','reasoning_gym/products','train','products:3,4','products',NULL,726137225,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-2c14442ead22','Solve the following multiplication: 6 * 9. Give only the result as your final answer.','54','reasoning_gym/products','train','products:6,9','products',NULL,1978739667,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-42b45dfd32b7','Solve the following multiplication: 9 * 9. Give only the result as your final answer.','81','reasoning_gym/products','train','products:9,9','products',NULL,1991065023,0,0,0,0,0,0,0);
INSERT INTO "problems" VALUES('products-48560ab90aa6','Solve the following multiplication: 9 * 3. Give only the result as your final answer.','27','reasoning_gym/products','train','products:3,9','products',NULL,423158017,2,2,2,0,0,1,2);
INSERT INTO "problems" VALUES('products-747d2bd67bdb','Solve the following multiplication: 3 * 0. Give only the result as your final answer.','0','reasoning_gym/products','train','products:0,3','products',NULL,1381656063,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-766ee5d73ee6','Solve the following multiplication: 5 * 2. Give only the result as your final answer.','10','reasoning_gym/products','train','products:2,5','products',NULL,933634190,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-a147756af887','Solve the following multiplication: 2 * 7. Give only the result as your final answer.','14','reasoning_gym/products','train','products:2,7','products',NULL,414673994,2,2,2,0,0,1,2);
INSERT INTO "problems" VALUES('products-0775babe9f8f','Solve the following multiplication: 6 * 8. Give only the result as your final answer.','48','reasoning_gym/products','train','products:6,8','products',NULL,367853865,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-933218494b36','Solve the following multiplication: 5 * 3. Give only the result as your final answer.','15','reasoning_gym/products','train','products:3,5','products',NULL,602380675,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-a91bb48c491a','Solve the following multiplication: 3 * 3. Give only the result as your final answer.','9','reasoning_gym/products','train','products:3,3','products',NULL,751218130,2,2,2,0,0,1,2);
INSERT INTO "problems" VALUES('products-62dae02e17a9','Solve the following multiplication: 7 * 0. Give only the result as your final answer.','0','reasoning_gym/products','train','products:0,7','products',NULL,1467956741,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-20152f7304d3','Solve the following multiplication: 9 * 2. Give only the result as your final answer.','18','reasoning_gym/products','train','products:2,9','products',NULL,414217331,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-f57386780629','Solve the following multiplication: 3 * 7. Give only the result as your final answer.','21','reasoning_gym/products','train','products:3,7','products',NULL,1439393706,0,0,0,0,0,1,0);
INSERT INTO "problems" VALUES('products-2dd41f5a5888','Solve the following multiplication: 6 * 3. Give only the result as your final answer.','18','reasoning_gym/products','train','products:3,6','products',NULL,551401502,2,2,2,0,0,1,2);
INSERT INTO "problems" VALUES('products-faee6adad3c4','Solve the following multiplication: 6 * 7. Give only the result as your final answer.','42','reasoning_gym/products','train','products:6,7','products',NULL,1608606623,0,0,0,0,0,0,0);
CREATE TABLE promotions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	policy_version INTEGER NOT NULL, 
	promoted_at DOUBLE NOT NULL, 
	CONSTRAINT fk_promotions_policy_version FOREIGN KEY(policy_version) REFERENCES policies (version)
);
INSERT INTO "promotions" VALUES(1,1,1.79584912466213178633e+09);
INSERT INTO "promotions" VALUES(2,2,1.79584912999713397028e+09);
CREATE TABLE reviews (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	problem_id TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	label TEXT NOT NULL, 
	proposed_answer TEXT NOT NULL, 
	score DOUBLE NOT NULL, 
	evidence JSON NOT NULL, 
	proposed_by TEXT NOT NULL, 
	proposed_at DOUBLE NOT NULL, 
	decided_by TEXT, 
	reason TEXT, 
	decided_at DOUBLE, 
	CONSTRAINT fk_reviews_problem_id FOREIGN KEY(problem_id) REFERENCES problems (id)
);
CREATE TABLE rollouts (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	problem_id TEXT NOT NULL, 
	assignment_id INTEGER, 
	sample_index INTEGER, 
	iteration INTEGER, 
	purpose VARCHAR(16) NOT NULL, 
	outcome VARCHAR(16) NOT NULL, 
	solution_format VARCHAR(32) NOT NULL, 
	answer TEXT, 
	policy_version INTEGER, 
	first_policy_version INTEGER, 
	prompt_tokens INTEGER NOT NULL, 
	tokens INTEGER NOT NULL, 
	prompt_ids BLOB NOT NULL, 
	token_ids BLOB NOT NULL, 
	model_mask BLOB NOT NULL, 
	spans BLOB NOT NULL, 
	segments BLOB NOT NULL, 
	seconds DOUBLE NOT NULL, 
	created_at DOUBLE NOT NULL, pool VARCHAR(16), place INTEGER, seed BIGINT, sketch BLOB DEFAULT '' NOT NULL, variant INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT fk_rollouts_assignment_id FOREIGN KEY(assignment_id) REFERENCES assignments (id), 
	CONSTRAINT fk_rollouts_problem_id FOREIGN KEY(problem_id) REFERENCES problems (id), 
	CONSTRAINT uq_rollouts_id UNIQUE (id)
);
INSERT INTO "rollouts" VALUES(1,'demo-1f5c96c24207c45b53ef7b51','products-14e4c47ba65b',NULL,NULL,NULL,'demonstration','accepted','tir','24',NULL,NULL,53,36,X'02D9B88EFE16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF001A001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02071148550601250109010401C9002301070156000A001A001001DF0015000B00C9000601C90006010D0128015600C90014001600C9000601C9003E0019015A001B015D00140016005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD1B050D05230D6548AD58956CA2F2D29282D01CA189980F925A915205E4C4C527E456A4AB591492D583831AFB83CB508AA2C1600C02B17D5',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'2E3D6AA001DE3BF4',0);
INSERT INTO "rollouts" VALUES(2,'demo-320d29abefab606322487026','products-24d9b80c93e0',NULL,NULL,NULL,'demonstration','accepted','tir','20',NULL,NULL,53,36,X'0271AD674A16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0017001001DF0016001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0275B281A80601250109010401C9002301070156000A0017001001DF0016000B00C9000601C90006010D0128015600C90014001200C9000601C9003E0019015A001B015D00140012005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13055D05230D1548AD58956CA2F2D29282D01CA181980F925A915205E4C4C527E456A4AB591412D583831AFB83CB508AA2C1600BE9717C7',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'3C11EFC3260D219A',0);
INSERT INTO "rollouts" VALUES(3,'demo-32b8114af87ddcc8227b683c','products-55d6f734fd08',NULL,NULL,NULL,'demonstration','accepted','tir','0',NULL,NULL,53,34,X'020B152F4A16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF001A001001DF0012001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0294EE80530601250109010401C9002301070156000A001A001001DF0012000B00C9000601C90006010D0128015600C9001200C9000601C9003E0019015A001B015D0012005F000200',X'FFFF803FC0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD1B050D05230D0548AD58956CA2F2D29282D01CA1880B925A915204E4C4C527E456A4AB5412D583431AFB83CB508A22816007E991730',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'5E6A5A5E26CB4FFD',0);
INSERT INTO "rollouts" VALUES(4,'demo-4585af9d59d3cde2b9c5e6a4','products-2dd41f5a5888',NULL,NULL,NULL,'demonstration','accepted','tir','18',NULL,NULL,53,36,X'029D88F53416010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0018001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0238C3B0500601250109010401C9002301070156000A0018001001DF0015000B00C9000601C90006010D0128015600C90013001A00C9000601C9003E0019015A001B015D0013001A005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13053D05230D6548AD58956CA2F2D29282D01CA185A80F925A915205E4C4C527E456A4AB5A1452D583831AFB83CB508AA2C1600C07417DC',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'88D638149597DE24',0);
INSERT INTO "rollouts" VALUES(5,'demo-4d275b34493bf5fd95ffd316','products-20152f7304d3',NULL,NULL,NULL,'demonstration','accepted','tir','18',NULL,NULL,53,36,X'028BC0A82D16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF001B001001DF0014001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'023ED5EF6F0601250109010401C9002301070156000A001B001001DF0014000B00C9000601C90006010D0128015600C90013001A00C9000601C9003E0019015A001B015D0013001A005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD1B054D05230D2548AD58956CA2F2D29282D01CA185A80F925A915205E4C4C527E456A4AB5A1452D583831AFB83CB508AA2C1600C0F817DE',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'88D638149597DE24',0);
INSERT INTO "rollouts" VALUES(6,'demo-5b544f5c5687da20726a4653','products-7f74dc3efded',NULL,NULL,NULL,'demonstration','accepted','tir','8',NULL,NULL,53,34,X'02F2F31C9816010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0016001001DF0014001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'020276D7160601250109010401C9002301070156000A0016001001DF0014000B00C9000601C90006010D0128015600C9001A00C9000601C9003E0019015A001B015D001A005F000200',X'FFFF803FC0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13051D05230D2548AD58956CA2F2D29282D01CA5880B925A915204E4C4C527E456A4AB5452D583431AFB83CB508A2281600801F1746',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'30143BC88A64B7FE',0);
INSERT INTO "rollouts" VALUES(7,'demo-6eedfa26b0dffee2cb349e65','products-62dae02e17a9',NULL,NULL,NULL,'demonstration','accepted','tir','0',NULL,NULL,53,34,X'026DBD69E516010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0019001001DF0012001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02C6C2A2040601250109010401C9002301070156000A0019001001DF0012000B00C9000601C90006010D0128015600C9001200C9000601C9003E0019015A001B015D0012005F000200',X'FFFF803FC0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13057D05230D0548AD58956CA2F2D29282D01CA1880B925A915204E4C4C527E456A4AB5412D583431AFB83CB508A22816007E5C172F',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'5E6A5A5E26CB4FFD',0);
INSERT INTO "rollouts" VALUES(8,'demo-70459e1efd4603186e3c8142','products-0775babe9f8f',NULL,NULL,NULL,'demonstration','accepted','tir','48',NULL,NULL,53,36,X'020835DC3016010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0018001001DF001A001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'028022D9990601250109010401C9002301070156000A0018001001DF001A000B00C9000601C90006010D0128015600C90016001A00C9000601C9003E0019015A001B015D0016001A005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13053D052B0D0548AD58956CA2F2D29282D01CA985880F925A915205E4C4C527E456A4AB589452D583831AFB83CB508AA2C1600C27517EA',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'89CE99AEEDD8CC96',0);
INSERT INTO "rollouts" VALUES(9,'demo-7129e1a0f57428c1ca7346d0','products-48560ab90aa6',NULL,NULL,NULL,'demonstration','accepted','tir','27',NULL,NULL,53,36,X'02FB20B39B16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF001B001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02FE5C51280601250109010401C9002301070156000A001B001001DF0015000B00C9000601C90006010D0128015600C90014001900C9000601C9003E0019015A001B015D00140019005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD1B054D05230D6548AD58956CA2F2D29282D01CA189983F925A915205E4C4C527E456A4AB591792D583831AFB83CB508AA2C1600C13717DF',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'1B9EED8865350382',0);
INSERT INTO "rollouts" VALUES(10,'demo-745f31a477af242327a82f89','products-c297b5d76e03',NULL,NULL,NULL,'demonstration','accepted','tir','16',NULL,NULL,53,36,X'0253355A2F16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0016001001DF0016001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'023CA410460601250109010401C9002301070156000A0016001001DF0016000B00C9000601C90006010D0128015600C90013001800C9000601C9003E0019015A001B015D00130018005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13051D05230D1548AD58956CA2F2D29282D01CA189A81F925A915205E4C4C527E456A4AB5A1592D583831AFB83CB508AA2C1600BFA817D5',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'4240C3CF32EBB7A7',0);
INSERT INTO "rollouts" VALUES(11,'demo-a505fb5902be1c61ace563f2','products-a91bb48c491a',NULL,NULL,NULL,'demonstration','accepted','tir','9',NULL,NULL,53,34,X'02E4BB418116010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0015001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02B0D4A4210601250109010401C9002301070156000A0015001001DF0015000B00C9000601C90006010D0128015600C9001B00C9000601C9003E0019015A001B015D001B005F000200',X'FFFF803FC0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13056D05230D6548AD58956CA2F2D29282D01CA5882B925A915204E4C4C527E456A4AB5652D583431AFB83CB508A2281600805C1749',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'863688B5E0E333C6',0);
INSERT INTO "rollouts" VALUES(12,'demo-b3ec0d2fd50819a31c433916','products-933218494b36',NULL,NULL,NULL,'demonstration','accepted','tir','15',NULL,NULL,53,36,X'02A08B3A4B16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0017001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02A1DCDB7D0601250109010401C9002301070156000A0017001001DF0015000B00C9000601C90006010D0128015600C90013001700C9000601C9003E0019015A001B015D00130017005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13055D05230D6548AD58956CA2F2D29282D01CA189A82F925A915205E4C4C527E456A4AB5A1692D583831AFB83CB508AA2C1600BF6817D2',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'BC97F5CBE221E5A5',0);
INSERT INTO "rollouts" VALUES(13,'demo-bdf45b3fe0b77f9f3827560d','products-a2b3a79ed1e9',NULL,NULL,NULL,'demonstration','accepted','tir','63',NULL,NULL,53,36,X'025A4DFAE316010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0019001001DF001B001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'023177E8C40601250109010401C9002301070156000A0019001001DF001B000B00C9000601C90006010D0128015600C90018001500C9000601C9003E0019015A001B015D00180015005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13057D052B0D4548AD58956CA2F2D29282D01CA981983F925A915205E4C4C527E456A4AB599712D583831AFB83CB508AA2C1600C22B17E3',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'5E6F37AD9246CD8B',0);
INSERT INTO "rollouts" VALUES(14,'demo-c02b3fc6094156c76ce7fd8f','products-42ce3c4fba01',NULL,NULL,NULL,'demonstration','accepted','tir','12',NULL,NULL,53,36,X'02ED68EE8216010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0018001001DF0014001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0299BEFC3D0601250109010401C9002301070156000A0018001001DF0014000B00C9000601C90006010D0128015600C90013001400C9000601C9003E0019015A001B015D00130014005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13053D05230D2548AD58956CA2F2D29282D01CA181A81F925A915205E4C4C527E456A4AB5A1512D583831AFB83CB508AA2C1600BEA017C9',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'6072CDC7F0BE7909',0);
INSERT INTO "rollouts" VALUES(15,'demo-c0bc939c22b7af17789fa71d','products-ac090d2a7d5c',NULL,NULL,NULL,'demonstration','accepted','tir','35',NULL,NULL,53,36,X'021ED68EE616010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0019001001DF0017001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02D4BA9BCD0601250109010401C9002301070156000A0019001001DF0017000B00C9000601C90006010D0128015600C90015001700C9000601C9003E0019015A001B015D00150017005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13057D05230D5548AD58956CA2F2D29282D01CA189B82F925A915205E4C4C527E456A4AB5B1692D583831AFB83CB508AA2C1600C0EE17DC',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'62048E07B946B9B9',0);
INSERT INTO "rollouts" VALUES(16,'demo-c78b6adda7f087683ae77705','products-4cdd7411c797',NULL,NULL,NULL,'demonstration','accepted','tir','0',NULL,NULL,53,34,X'02AE28B2D316010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0012001001DF001B001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02A9C936090601250109010401C9002301070156000A0012001001DF001B000B00C9000601C90006010D0128015600C9001200C9000601C9003E0019015A001B015D0012005F000200',X'FFFF803FC0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13050D052B0D4548AD58956CA2F2D29282D01CA1880B925A915204E4C4C527E456A4AB5412D583431AFB83CB508A22816007EB21731',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'5E6A5A5E26CB4FFD',0);
INSERT INTO "rollouts" VALUES(17,'demo-c842a7dae50b5458b9d298d4','products-f57386780629',NULL,NULL,NULL,'demonstration','accepted','tir','21',NULL,NULL,53,36,X'02A020358416010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0015001001DF0019001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'029E7260010601250109010401C9002301070156000A0015001001DF0019000B00C9000601C90006010D0128015600C90014001300C9000601C9003E0019015A001B015D00140013005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13056D05230D7548AD58956CA2F2D29282D01CA181982F925A915205E4C4C527E456A4AB591612D583831AFB83CB508AA2C1600BF0F17CB',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'BA65DD70BCBC7CBD',0);
INSERT INTO "rollouts" VALUES(18,'demo-c8b5835cc1c36d4e9cf258b0','products-766ee5d73ee6',NULL,NULL,NULL,'demonstration','accepted','tir','10',NULL,NULL,53,36,X'02D06B21FD16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0017001001DF0014001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0287912EDD0601250109010401C9002301070156000A0017001001DF0014000B00C9000601C90006010D0128015600C90013001200C9000601C9003E0019015A001B015D00130012005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13055D05230D2548AD58956CA2F2D29282D01CA181A80F925A915205E4C4C527E456A4AB5A1412D583831AFB83CB508AA2C1600BDD817C2',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'C88F0096903ED77A',0);
INSERT INTO "rollouts" VALUES(19,'demo-d68e5ad7291e629edae6f1ff','products-8d9df4f4696e',NULL,NULL,NULL,'demonstration','accepted','tir','6',NULL,NULL,53,34,X'02C6237CE416010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0014001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02C7161F7B0601250109010401C9002301070156000A0014001001DF0015000B00C9000601C90006010D0128015600C9001800C9000601C9003E0019015A001B015D0018005F000200',X'FFFF803FC0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13052D05230D6548AD58956CA2F2D29282D01CA9881B925A915204E4C4C527E456A4AB5592D583431AFB83CB508A22816007F5C173F',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'AFC9ED803F287604',0);
INSERT INTO "rollouts" VALUES(20,'demo-db3e5219fe2d9e9cd7e85385','products-13bc78f1abd1',NULL,NULL,NULL,'demonstration','accepted','tir','5',NULL,NULL,53,34,X'02C82BFBB316010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0013001001DF0017001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'024A9E79170601250109010401C9002301070156000A0013001001DF0017000B00C9000601C90006010D0128015600C9001700C9000601C9003E0019015A001B015D0017005F000200',X'FFFF803FC0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13054D05230D5548AD58956CA2F2D29282D01CA9882B925A915204E4C4C527E456A4AB5692D583431AFB83CB508A22816007F50173D',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'CB5EE30D017B6FA7',0);
INSERT INTO "rollouts" VALUES(21,'demo-dd42620d2d7a4acdd707c454','products-a147756af887',NULL,NULL,NULL,'demonstration','accepted','tir','14',NULL,NULL,53,36,X'0282B808E116010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0014001001DF0019001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0298804D930601250109010401C9002301070156000A0014001001DF0019000B00C9000601C90006010D0128015600C90013001600C9000601C9003E0019015A001B015D00130016005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13052D05230D7548AD58956CA2F2D29282D01CA189A80F925A915205E4C4C527E456A4AB5A1492D583831AFB83CB508AA2C1600BF5417D0',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'56AE29B3FB586F71',0);
INSERT INTO "rollouts" VALUES(22,'demo-e320a06e0540ea888c878de5','products-d592c7cece45',NULL,NULL,NULL,'demonstration','accepted','tir','12',NULL,NULL,53,36,X'02359D1C8016010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0015001001DF0016001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02FF25814C0601250109010401C9002301070156000A0015001001DF0016000B00C9000601C90006010D0128015600C90013001400C9000601C9003E0019015A001B015D00130014005F000200',X'FFFF801FF0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13056D05230D1548AD58956CA2F2D29282D01CA181A81F925A915205E4C4C527E456A4AB5A1512D583831AFB83CB508AA2C1600BE5817C8',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'6072CDC7F0BE7909',0);
INSERT INTO "rollouts" VALUES(23,'demo-f2ea91c175bfb45f8389ec61','products-747d2bd67bdb',NULL,NULL,NULL,'demonstration','accepted','tir','0',NULL,NULL,53,34,X'023616E03516010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0015001001DF0012001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02CF755B830601250109010401C9002301070156000A0015001001DF0012000B00C9000601C90006010D0128015600C9001200C9000601C9003E0019015A001B015D0012005F000200',X'FFFF803FC0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13056D05230D0548AD58956CA2F2D29282D01CA1880B925A915204E4C4C527E456A4AB5412D583431AFB83CB508A22816007D68172B',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'5E6A5A5E26CB4FFD',0);
INSERT INTO "rollouts" VALUES(24,'demo-f44823992c2aa32d77859bce','products-b1bb1bdd528f',NULL,NULL,NULL,'demonstration','accepted','tir','0',NULL,NULL,53,34,X'029A53DD6016010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0012001001DF0016001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0212D58E010601250109010401C9002301070156000A0012001001DF0016000B00C9000601C90006010D0128015600C9001200C9000601C9003E0019015A001B015D0012005F000200',X'FFFF803FC0',X'',X'78018B8E564ACE4F4955D2512A28CACC2BD13050D05230D1548AD58956CA2F2D29282D01CA1880B925A915204E4C4C527E456A4AB5412D583431AFB83CB508A22816007D95172C',0.0,1.79584895358902621271e+09,'demonstration',1,NULL,X'5E6A5A5E26CB4FFD',0);
INSERT INTO "rollouts" VALUES(25,'1-0','products-c61182eedf36',1,0,NULL,'eval','wrong','tir','212',1,1,53,36,X'02CBA0070616010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0013001001DF0013001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02D57790FA0601250109010401C9002301070156000A0013001001DF0014000B00C9000601C90006010D0128015600C9001400C9000601C9003E0019015A001B015D001400130014005F000200',X'FFFF803FF0',X'010000000000000011000000010000001A00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13054D05230D2548AD58956CA2F2D29282D01CA1881B925A915204E4C4C527E456A4AB591A1512D583C31AFB83CB508A4CC10A8301600D7F817F7',1.0007683839999117481e+00,1.79584912446920347221e+09,NULL,NULL,NULL,X'DA9C7524B068C7AF',0);
INSERT INTO "rollouts" VALUES(26,'2-0','products-dc1fdce72571',2,0,NULL,'eval','wrong','tir','48',1,1,53,35,X'02646EC6E616010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0014001001DF0013001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02B6CAC6650601250109010401C9002301070156000A0014001001DF0014000B00C9000601C90006010D0128015600C9001600C9000601C9003E0019015A001B015D0016001A005F000200',X'FFFF803FE0',X'010000000000000011000000010000001A00000023000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13052D05230D2548AD58956CA2F2D29282D01CA9880B925A915204E4C4C527E456A4AB589452D583831AFB83CB508A4CA4229361600ABF817A8',9.81525494999914371874e-01,1.79584912446920347221e+09,NULL,NULL,NULL,X'89CE99AEEDD8CC96',0);
INSERT INTO "rollouts" VALUES(27,'3-0','products-b14d6d4df4b7',3,0,NULL,'eval','accepted','tir','0',1,1,53,34,X'024F25548016010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0018001001DF0012001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0237DB93800601250109010401C9002301070156000A0018001001DF0012000B00C9000601C90006010D0128015600C9001200C9000601C9003E0019015A001B015D0012005F000200',X'FFFF803FC0',X'010000000000000011000000010000001A00000022000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13053D05230D0548AD58956CA2F2D29282D01CA1880B925A915204E4C4C527E456A4AB5412D583431AFB83CB508A22816007E1F172E',9.81409467000048607587e-01,1.79584912446920347221e+09,NULL,NULL,NULL,X'5E6A5A5E26CB4FFD',0);
INSERT INTO "rollouts" VALUES(28,'4-0','products-6472861905b6',4,0,NULL,'eval','accepted','tir','6',1,1,53,34,X'025D96D2B716010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0013001001DF0018001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02294BD2590601250109010401C9002301070156000A0013001001DF0018000B00C9000601C90006010D0128015600C9001800C9000601C9003E0019015A001B015D0018005F000200',X'FFFF803FC0',X'010000000000000011000000010000001A00000022000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13054D05230D3548AD58956CA2F2D29282D01CA9881B925A915204E4C4C527E456A4AB5592D583431AFB83CB508A22816007FCA1741',9.85437220999983765068e-01,1.79584912446920347221e+09,NULL,NULL,NULL,X'AFC9ED803F287604',0);
INSERT INTO "rollouts" VALUES(29,'5-0','products-de2b1059256d',5,0,NULL,'eval','accepted','tir','28',1,1,53,36,X'026E36955016010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0019001001DF0016001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02A0A50B190601250109010401C9002301070156000A0019001001DF0016000B00C9000601C90006010D0128015600C90014001A00C9000601C9003E0019015A001B015D0014001A005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13057D05230D1548AD58956CA2F2D29282D01CA185980F925A915205E4C4C527E456A4AB591452D583831AFB83CB508AA2C1600C13717E1',0.936186884000108,1.79584912446920347221e+09,NULL,NULL,NULL,X'89E772BA014B1380',0);
INSERT INTO "rollouts" VALUES(30,'6-0','products-bd05bad060e9',6,0,NULL,'eval','wrong','tir','24',1,1,53,36,X'023CE5BC4C16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF001A001001DF001B001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0280B195F10601250109010401C9002301070156000A001A001001DF001B000B00C9000601C90006010D0128015600C90019001400C9000601C9003E0019015A001B015D00140016005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD1B050D052B0D4548AD58956CA2F2D29282D01CA981B81F925A915205E4C4C527E456A4AB591492D583831AFB83CB508286164A2141B0B00C21917DE',1.02342111799998747301e+00,1.79584912446920347221e+09,NULL,NULL,NULL,X'2E3D6AA001DE3BF4',0);
INSERT INTO "rollouts" VALUES(31,'10-0','products-a91bb48c491a',10,0,1,'train','accepted','tir','9',1,1,53,34,X'02E4BB418116010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0015001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02B0D4A4210601250109010401C9002301070156000A0015001001DF0015000B00C9000601C90006010D0128015600C9001B00C9000601C9003E0019015A001B015D001B005F000200',X'FFFF803FC0',X'010000000000000011000000010000001A00000022000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13056D05230D6548AD58956CA2F2D29282D01CA5882B925A915204E4C4C527E456A4AB5652D583431AFB83CB508A2281600805C1749',9.47160084999950413475e-01,1.79584912713467907902e+09,NULL,NULL,NULL,X'863688B5E0E333C6',0);
INSERT INTO "rollouts" VALUES(32,'10-1','products-a91bb48c491a',10,1,1,'train','accepted','tir','9',1,1,53,34,X'02E4BB418116010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0015001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02B0D4A4210601250109010401C9002301070156000A0015001001DF0015000B00C9000601C90006010D0128015600C9001B00C9000601C9003E0019015A001B015D001B005F000200',X'FFFF803FC0',X'010000000000000011000000010000001A00000022000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13056D05230D6548AD58956CA2F2D29282D01CA5882B925A915204E4C4C527E456A4AB5652D583431AFB83CB508A2281600805C1749',1.08769369800006643345e+00,1.79584912713467907902e+09,NULL,NULL,NULL,X'863688B5E0E333C6',0);
INSERT INTO "rollouts" VALUES(33,'11-0','products-48560ab90aa6',11,0,1,'train','accepted','tir','27',1,1,53,36,X'02FB20B39B16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF001B001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02FE5C51280601250109010401C9002301070156000A001B001001DF0015000B00C9000601C90006010D0128015600C90014001900C9000601C9003E0019015A001B015D00140019005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD1B054D05230D6548AD58956CA2F2D29282D01CA189983F925A915205E4C4C527E456A4AB591792D583831AFB83CB508AA2C1600C13717DF',1.05943014199988283507e+00,1.79584912713467907902e+09,NULL,NULL,NULL,X'1B9EED8865350382',0);
INSERT INTO "rollouts" VALUES(34,'11-1','products-48560ab90aa6',11,1,1,'train','accepted','tir','27',1,1,53,36,X'02FB20B39B16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF001B001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02FE5C51280601250109010401C9002301070156000A001B001001DF0015000B00C9000601C90006010D0128015600C90014001900C9000601C9003E0019015A001B015D00140019005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD1B054D05230D6548AD58956CA2F2D29282D01CA189983F925A915205E4C4C527E456A4AB591792D583831AFB83CB508AA2C1600C13717DF',1.07770925299996633839e+00,1.79584912713467907902e+09,NULL,NULL,NULL,X'1B9EED8865350382',0);
INSERT INTO "rollouts" VALUES(35,'12-0','products-c297b5d76e03',12,0,1,'train','accepted','tir','16',1,1,53,36,X'0253355A2F16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0016001001DF0016001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'023CA410460601250109010401C9002301070156000A0016001001DF0016000B00C9000601C90006010D0128015600C90013001800C9000601C9003E0019015A001B015D00130018005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13051D05230D1548AD58956CA2F2D29282D01CA189A81F925A915205E4C4C527E456A4AB5A1592D583831AFB83CB508AA2C1600BFA817D5',1.07783432799988077022e+00,1.79584912713467907902e+09,NULL,NULL,NULL,X'4240C3CF32EBB7A7',0);
INSERT INTO "rollouts" VALUES(36,'12-1','products-c297b5d76e03',12,1,1,'train','accepted','tir','16',1,1,53,36,X'0253355A2F16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0016001001DF0016001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'023CA410460601250109010401C9002301070156000A0016001001DF0016000B00C9000601C90006010D0128015600C90013001800C9000601C9003E0019015A001B015D00130018005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13051D05230D1548AD58956CA2F2D29282D01CA189A81F925A915205E4C4C527E456A4AB5A1592D583831AFB83CB508AA2C1600BFA817D5',1.07800126100005400076e+00,1.79584912713467907902e+09,NULL,NULL,NULL,X'4240C3CF32EBB7A7',0);
INSERT INTO "rollouts" VALUES(37,'7-0','products-a147756af887',7,0,1,'train','accepted','tir','14',1,1,53,36,X'0282B808E116010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0014001001DF0019001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0298804D930601250109010401C9002301070156000A0014001001DF0019000B00C9000601C90006010D0128015600C90013001600C9000601C9003E0019015A001B015D00130016005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13052D05230D7548AD58956CA2F2D29282D01CA189A80F925A915205E4C4C527E456A4AB5A1492D583831AFB83CB508AA2C1600BF5417D0',0.949762383999996,1.79584912713467907902e+09,NULL,NULL,NULL,X'56AE29B3FB586F71',0);
INSERT INTO "rollouts" VALUES(38,'7-1','products-a147756af887',7,1,1,'train','accepted','tir','14',1,1,53,36,X'0282B808E116010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0014001001DF0019001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0298804D930601250109010401C9002301070156000A0014001001DF0019000B00C9000601C90006010D0128015600C90013001600C9000601C9003E0019015A001B015D00130016005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13052D05230D7548AD58956CA2F2D29282D01CA189A80F925A915205E4C4C527E456A4AB5A1492D583831AFB83CB508AA2C1600BF5417D0',9.69905141000026560504e-01,1.79584912713467907902e+09,NULL,NULL,NULL,X'56AE29B3FB586F71',0);
INSERT INTO "rollouts" VALUES(39,'8-0','products-f14df0bd35c3',8,0,1,'train','accepted','tir','24',1,1,53,36,X'024CAEA83516010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0018001001DF0016001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'020F77D1100601250109010401C9002301070156000A0018001001DF0016000B00C9000601C90006010D0128015600C90014001600C9000601C9003E0019015A001B015D00140016005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13053D05230D1548AD58956CA2F2D29282D01CA189980F925A915205E4C4C527E456A4AB591492D583831AFB83CB508AA2C1600BFE717D4',1.15185429899997870961e+00,1.79584912713467907902e+09,'solution',1,NULL,X'2E3D6AA001DE3BF4',0);
INSERT INTO "rollouts" VALUES(40,'8-1','products-f14df0bd35c3',8,1,1,'train','accepted','tir','24',1,1,53,36,X'024CAEA83516010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0018001001DF0016001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'020F77D1100601250109010401C9002301070156000A0018001001DF0016000B00C9000601C90006010D0128015600C90014001600C9000601C9003E0019015A001B015D00140016005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13053D05230D1548AD58956CA2F2D29282D01CA189980F925A915205E4C4C527E456A4AB591492D583831AFB83CB508AA2C1600BFE717D4',1.1516735600000629347e+00,1.79584912713467907902e+09,NULL,NULL,NULL,X'2E3D6AA001DE3BF4',0);
INSERT INTO "rollouts" VALUES(41,'9-0','products-2dd41f5a5888',9,0,1,'train','accepted','tir','18',1,1,53,36,X'029D88F53416010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0018001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0238C3B0500601250109010401C9002301070156000A0018001001DF0015000B00C9000601C90006010D0128015600C90013001A00C9000601C9003E0019015A001B015D0013001A005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13053D05230D6548AD58956CA2F2D29282D01CA185A80F925A915205E4C4C527E456A4AB5A1452D583831AFB83CB508AA2C1600C07417DC',1.01547986500008846633e+00,1.79584912713467907902e+09,NULL,NULL,NULL,X'88D638149597DE24',0);
INSERT INTO "rollouts" VALUES(42,'9-1','products-2dd41f5a5888',9,1,1,'train','accepted','tir','18',1,1,53,36,X'029D88F53416010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0018001001DF0015001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0238C3B0500601250109010401C9002301070156000A0018001001DF0015000B00C9000601C90006010D0128015600C90013001A00C9000601C9003E0019015A001B015D0013001A005F000200',X'FFFF801FF0',X'010000000000000011000000010000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13053D05230D6548AD58956CA2F2D29282D01CA185A80F925A915205E4C4C527E456A4AB5A1452D583831AFB83CB508AA2C1600C07417DC',1.14287947599996186909e+00,1.79584912713467907902e+09,NULL,NULL,NULL,X'88D638149597DE24',0);
INSERT INTO "rollouts" VALUES(43,'13-0','products-c61182eedf36',13,0,NULL,'eval','wrong','tir','212',2,2,53,36,X'02CBA0070616010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0013001001DF0013001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02D57790FA0601250109010401C9002301070156000A0013001001DF0014000B00C9000601C90006010D0128015600C9001400C9000601C9003E0019015A001B015D001400130014005F000200',X'FFFF803FF0',X'020000000000000011000000020000001A00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13054D05230D2548AD58956CA2F2D29282D01CA1881B925A915204E4C4C527E456A4AB591A1512D583C31AFB83CB508A4CC10A8301600D7F817F7',4.04448372999922867165e-01,1.79584912993934965128e+09,NULL,NULL,NULL,X'DA9C7524B068C7AF',0);
INSERT INTO "rollouts" VALUES(44,'14-0','products-dc1fdce72571',14,0,NULL,'eval','wrong','tir','47',2,2,53,35,X'02646EC6E616010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0014001001DF0013001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0218B852E30601250109010401C9002301070156000A0014001001DF0014000B00C9000601C90006010D0128015600C9001600C9000601C9003E0019015A001B015D00160019005F000200',X'FFFF803FE0',X'020000000000000011000000020000001A00000023000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13052D05230D2548AD58956CA2F2D29282D01CA9880B925A915204E4C4C527E456A4AB589792D583831AFB83CB508A4CA5C29361600ABDF17A6',3.66843288000154643668e-01,1.79584912993934965128e+09,NULL,NULL,NULL,X'25D2F0AB49F15841',0);
INSERT INTO "rollouts" VALUES(45,'15-0','products-b14d6d4df4b7',15,0,NULL,'eval','accepted','tir','0',2,2,53,34,X'024F25548016010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0018001001DF0012001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'0237DB93800601250109010401C9002301070156000A0018001001DF0012000B00C9000601C90006010D0128015600C9001200C9000601C9003E0019015A001B015D0012005F000200',X'FFFF803FC0',X'020000000000000011000000020000001A00000022000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13053D05230D0548AD58956CA2F2D29282D01CA1880B925A915204E4C4C527E456A4AB5412D583431AFB83CB508A22816007E1F172E',3.89234830999839687137e-01,1.79584912993934965128e+09,NULL,NULL,NULL,X'5E6A5A5E26CB4FFD',0);
INSERT INTO "rollouts" VALUES(46,'16-0','products-6472861905b6',16,0,NULL,'eval','accepted','tir','6',2,2,53,34,X'025D96D2B716010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0013001001DF0018001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02294BD2590601250109010401C9002301070156000A0013001001DF0018000B00C9000601C90006010D0128015600C9001800C9000601C9003E0019015A001B015D0018005F000200',X'FFFF803FC0',X'020000000000000011000000020000001A00000022000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13054D05230D3548AD58956CA2F2D29282D01CA9881B925A915204E4C4C527E456A4AB5592D583431AFB83CB508A22816007FCA1741',3.63397926000061488593e-01,1.79584912993934965128e+09,NULL,NULL,NULL,X'AFC9ED803F287604',0);
INSERT INTO "rollouts" VALUES(47,'17-0','products-de2b1059256d',17,0,NULL,'eval','accepted','tir','28',2,2,53,36,X'026E36955016010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF0019001001DF0016001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02A0A50B190601250109010401C9002301070156000A0019001001DF0016000B00C9000601C90006010D0128015600C90014001A00C9000601C9003E0019015A001B015D0014001A005F000200',X'FFFF801FF0',X'020000000000000011000000020000001B00000024000000',X'78018B8E564ACE4F4955D2512A28CACC2BD13057D05230D1548AD58956CA2F2D29282D01CA185980F925A915205E4C4C527E456A4AB591452D583831AFB83CB508AA2C1600C13717E1',3.50734997000017756363e-01,1.79584912993934965128e+09,NULL,NULL,NULL,X'89E772BA014B1380',0);
INSERT INTO "rollouts" VALUES(48,'18-0','products-bd05bad060e9',18,0,NULL,'eval','wrong','tir','7',2,2,53,35,X'023CE5BC4C16010C010A011C00DF000B010F011401120108011E012A014900DF002101050126011C00DF001A001001DF001B001000DF0015010F01DF0004011F011401DF0027010E01560011015500DF005B000D015400120107011701110122012B011000C9000B0129011C00C900',X'02B6F4CC670601250109010401C9002301070156000A001A001001DF001B000B00C9000601C90006010D0128015600C90019001400C9000601C9003E0019015A001B015D0019005F000200',X'FFFF801FE0',X'020000000000000011000000020000001B00000023000000',X'78018B8E564ACE4F4955D2512A28CACC2BD1B050D052B0D4548AD58956CA2F2D29282D01CA981B81F925A915205E4C4C527E456A4AB5792D583431AFB83CB508A44A2936160095201780',3.51643450999972628778e-01,1.79584912993934965128e+09,NULL,NULL,NULL,X'B2472CA8FD31F0F3',0);
CREATE TABLE run_state (
	id INTEGER NOT NULL, 
	desired VARCHAR(16) NOT NULL, 
	actual VARCHAR(16) NOT NULL, 
	iteration INTEGER, 
	checkpoint TEXT, 
	heartbeat_at DOUBLE, 
	last_version INTEGER NOT NULL, 
	CONSTRAINT pk_run_state PRIMARY KEY (id), 
	CONSTRAINT ck_run_state_one_row CHECK (id = 1)
);
INSERT INTO "run_state" VALUES(1,'running','stopped',1,'{store}/checkpoints/iteration-0001',1.79584913775732660286e+09,2);
CREATE TABLE "training_set_rollouts" (
	training_set_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	rollout_seq INTEGER NOT NULL, 
	CONSTRAINT pk_training_set_rollouts PRIMARY KEY (training_set_id, position)
);
INSERT INTO "training_set_rollouts" VALUES(1,0,10);
INSERT INTO "training_set_rollouts" VALUES(1,1,24);
INSERT INTO "training_set_rollouts" VALUES(1,2,7);
INSERT INTO "training_set_rollouts" VALUES(1,3,17);
INSERT INTO "training_set_rollouts" VALUES(1,4,18);
INSERT INTO "training_set_rollouts" VALUES(1,5,13);
INSERT INTO "training_set_rollouts" VALUES(1,6,2);
INSERT INTO "training_set_rollouts" VALUES(1,7,3);
INSERT INTO "training_set_rollouts" VALUES(1,8,14);
INSERT INTO "training_set_rollouts" VALUES(1,9,20);
INSERT INTO "training_set_rollouts" VALUES(1,10,22);
INSERT INTO "training_set_rollouts" VALUES(1,11,4);
INSERT INTO "training_set_rollouts" VALUES(1,12,21);
INSERT INTO "training_set_rollouts" VALUES(1,13,5);
INSERT INTO "training_set_rollouts" VALUES(1,14,19);
INSERT INTO "training_set_rollouts" VALUES(1,15,6);
INSERT INTO "training_set_rollouts" VALUES(1,16,15);
INSERT INTO "training_set_rollouts" VALUES(1,17,1);
INSERT INTO "training_set_rollouts" VALUES(1,18,9);
INSERT INTO "training_set_rollouts" VALUES(1,19,8);
INSERT INTO "training_set_rollouts" VALUES(1,20,16);
INSERT INTO "training_set_rollouts" VALUES(1,21,23);
INSERT INTO "training_set_rollouts" VALUES(1,22,11);
INSERT INTO "training_set_rollouts" VALUES(1,23,12);
INSERT INTO "training_set_rollouts" VALUES(2,0,10);
INSERT INTO "training_set_rollouts" VALUES(2,1,24);
INSERT INTO "training_set_rollouts" VALUES(2,2,1);
INSERT INTO "training_set_rollouts" VALUES(2,3,6);
INSERT INTO "training_set_rollouts" VALUES(2,4,18);
INSERT INTO "training_set_rollouts" VALUES(2,5,19);
INSERT INTO "training_set_rollouts" VALUES(2,6,17);
INSERT INTO "training_set_rollouts" VALUES(2,7,14);
INSERT INTO "training_set_rollouts" VALUES(2,8,2);
INSERT INTO "training_set_rollouts" VALUES(2,9,4);
INSERT INTO "training_set_rollouts" VALUES(2,10,20);
INSERT INTO "training_set_rollouts" VALUES(2,11,22);
INSERT INTO "training_set_rollouts" VALUES(2,12,3);
INSERT INTO "training_set_rollouts" VALUES(2,13,21);
INSERT INTO "training_set_rollouts" VALUES(2,14,7);
INSERT INTO "training_set_rollouts" VALUES(2,15,13);
INSERT INTO "training_set_rollouts" VALUES(2,16,5);
INSERT INTO "training_set_rollouts" VALUES(2,17,15);
INSERT INTO "training_set_rollouts" VALUES(2,18,39);
INSERT INTO "training_set_rollouts" VALUES(2,19,9);
INSERT INTO "training_set_rollouts" VALUES(2,20,8);
INSERT INTO "training_set_rollouts" VALUES(2,21,16);
INSERT INTO "training_set_rollouts" VALUES(2,22,23);
INSERT INTO "training_set_rollouts" VALUES(2,23,11);
INSERT INTO "training_set_rollouts" VALUES(2,24,12);
CREATE TABLE training_sets (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	policy_version INTEGER NOT NULL, 
	settings JSON NOT NULL, 
	size INTEGER NOT NULL, 
	created_at DOUBLE NOT NULL
);
INSERT INTO "training_sets" VALUES(1,1,'{"max_per_problem": 4, "prefer": "newest", "accepted_only": true, "iterations": null, "policy_versions": null, "max_samples": null, "max_tokens": null, "hard_share": null, "hard_pass_rate": 0.3, "attempts": false, "demonstrations": true, "demonstration_repeat": 1, "demonstration_share": null, "seed": 0}',24,1.79584908150280427932e+09);
INSERT INTO "training_sets" VALUES(2,2,'{"max_per_problem": 4, "prefer": "newest", "accepted_only": true, "iterations": null, "policy_versions": null, "max_samples": null, "max_tokens": null, "hard_share": null, "hard_pass_rate": 0.3, "attempts": true, "demonstrations": true, "demonstration_repeat": 1, "demonstration_share": null, "seed": 0}',25,1.79584912725571632383e+09);
CREATE INDEX ix_problems_split_attempts ON problems (split, attempts);
CREATE INDEX ix_problems_split_shuffle_key ON problems (split, shuffle_key);
CREATE INDEX ix_training_sets_policy_version ON training_sets (policy_version);
CREATE INDEX ix_policies_training_set_id ON policies (training_set_id);
CREATE INDEX ix_promotions_policy_version ON promotions (policy_version);
CREATE INDEX ix_assignments_evaluation_id ON assignments (evaluation_id);
CREATE INDEX ix_assignments_iteration ON assignments (iteration);
CREATE INDEX ix_assignments_open ON assignments (purpose, id) WHERE completed_at IS NULL;
CREATE INDEX ix_assignments_owner ON assignments (owner);
CREATE INDEX ix_assignments_problem_id ON assignments (problem_id);
CREATE INDEX ix_rollouts_assignment_id ON rollouts (assignment_id);
CREATE INDEX ix_rollouts_iteration ON rollouts (iteration);
CREATE INDEX ix_rollouts_purpose_outcome ON rollouts (purpose, outcome);
CREATE INDEX ix_executions_status ON executions (status);
CREATE INDEX ix_rollouts_pools ON rollouts (problem_id, pool, place, policy_version, prompt_tokens, tokens) WHERE place IS NOT NULL;
CREATE INDEX ix_reviews_problem_id ON reviews (problem_id);
CREATE INDEX ix_reviews_status_score ON reviews (status, score);
CREATE INDEX ix_label_changes_problem_id ON label_changes (problem_id);
CREATE INDEX ix_label_changes_review_id ON label_changes (review_id);
CREATE INDEX ix_outcome_changes_rollout_seq ON outcome_changes (rollout_seq);
CREATE INDEX ix_left_out_import_id ON left_out (import_id);
CREATE INDEX ix_left_out_heldout_id ON left_out (heldout_id);
CREATE INDEX ix_heldout_bands_problem_id ON heldout_bands (problem_id);
CREATE INDEX ix_rollouts_sketches ON rollouts (problem_id, sketch, variant, pool);
CREATE INDEX ix_training_set_rollouts_rollout_seq ON training_set_rollouts (rollout_seq);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('evaluations',2);
INSERT INTO "sqlite_sequence" VALUES('imports',2);
INSERT INTO "sqlite_sequence" VALUES('rollouts',48);
INSERT INTO "sqlite_sequence" VALUES('training_sets',2);
INSERT INTO "sqlite_sequence" VALUES('assignments',18);
INSERT INTO "sqlite_sequence" VALUES('promotions',2);
COMMIT;
